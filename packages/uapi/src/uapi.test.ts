import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CMSG_HEADER_BYTES,
  cmsgLength,
  cmsgSpace,
  DMABUF_CMSG_BYTES,
  DMABUF_CMSG_SPACE,
  EINVAL,
  EOPNOTSUPP,
  ETOOSMALL,
  Extack,
  errnoName,
  isErr,
  KernelError,
  kernelErrorFrom,
  readCmsgs,
  readDmabufCmsg,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SOL_SOCKET,
  strerror,
  writeCmsgHeader,
  writeDmabufCmsg,
  writeDmabufToken,
} from './index.ts';

describe('errno', () => {
  it('names numbers of either sign, the kernel-internal 525 too', () => {
    expect([EINVAL, -EINVAL, EOPNOTSUPP, ETOOSMALL].map(errnoName)).toEqual([
      'EINVAL',
      'EINVAL',
      'EOPNOTSUPP',
      'ETOOSMALL',
    ]);
    expect(errnoName(9999)).toBe('E9999');
    expect(strerror(-22)).toBe('Invalid argument');
    expect(strerror(9999)).toBe('Unknown error 9999');
  });
});

describe('KernelError', () => {
  it('reads as call, errno, text, extack', () => {
    const extack = new Extack();
    extack.set('tcp-data-split is disabled');
    const error = kernelErrorFrom(-EINVAL, 'bind-rx', extack);
    expect(error).toMatchObject({
      name: 'KernelError',
      code: 'EINVAL',
      errno: 22,
      syscall: 'bind-rx',
      extack: 'tcp-data-split is disabled',
    });
    expect(error.message).toBe('bind-rx: EINVAL (Invalid argument): tcp-data-split is disabled');
    expect(new KernelError(-EINVAL, 'accept').errno).toBe(22);
  });

  it('tells results from errnos', () => {
    expect([-1, 0, 7, {}, null].map(isErr)).toEqual([true, false, false, false, false]);
  });
});

describe('control messages', () => {
  it('has the sizes of a 64-bit Linux', () => {
    expect([cmsgLength(24), cmsgSpace(24), cmsgLength(4), cmsgSpace(4)]).toEqual([40, 40, 20, 24]);
    expect(DMABUF_CMSG_SPACE).toBe(40);
  });

  it('writes the bytes that Linux 7.3.4 wrote for one devmem fragment', () => {
    const view = new DataView(new ArrayBuffer(40));
    writeCmsgHeader(view, 0, SOL_SOCKET, SCM_DEVMEM_DMABUF, DMABUF_CMSG_BYTES);
    writeDmabufCmsg(view, CMSG_HEADER_BYTES, 69632, 1000, 1, 1);
    const hex = [...new Uint8Array(view.buffer)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(hex).toBe(
      '2800000000000000' +
        '01000000' +
        '4f000000' +
        '0010010000000000' +
        'e8030000' +
        '01000000' +
        '01000000' +
        '00000000',
    );
  });

  it('round-trips any list of devmem messages', () => {
    const message = fc.record({
      fragOffset: fc.nat({ max: 2 ** 40 }),
      fragSize: fc.nat({ max: 2 ** 32 - 1 }),
      fragToken: fc.nat({ max: 2 ** 31 - 1 }),
      dmabufId: fc.nat({ max: 2 ** 32 - 1 }),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const view = new DataView(new ArrayBuffer(messages.length * DMABUF_CMSG_SPACE));
        messages.forEach((m, i) => {
          writeCmsgHeader(view, i * 40, SOL_SOCKET, SCM_DEVMEM_LINEAR, DMABUF_CMSG_BYTES);
          writeDmabufCmsg(view, i * 40 + 16, m.fragOffset, m.fragSize, m.fragToken, m.dmabufId);
        });
        const read = [...readCmsgs(view, 0, view.byteLength)].map((cmsg) => readDmabufCmsg(view, cmsg.dataAt));
        expect(read).toEqual(messages.map((m) => ({ ...m, flags: 0 })));
      }),
    );
  });

  it('stops at a malformed header and never leaves the buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (const cmsg of readCmsgs(view, 0, bytes.byteLength)) {
          expect(cmsg.dataAt + cmsg.dataLength).toBeLessThanOrEqual(bytes.byteLength);
        }
      }),
    );
  });

  it('writes a token run', () => {
    const view = new DataView(new ArrayBuffer(8));
    writeDmabufToken(view, 0, 2, 7);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([2, 7]);
  });
});
