import { regionOf, subregion } from '@netmem/region';
import {
  ETOOSMALL,
  IPPROTO,
  MSG_CTRUNC,
  readCmsgs,
  readDmabufCmsg,
  SCM_DEVMEM_DMABUF,
  SCM_DEVMEM_LINEAR,
  SOL_SOCKET,
  TCP_CM_INQ,
} from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { ControlWriter } from './control-writer.ts';

const FILL = 0xee;

function writer(bytes: number): { control: ControlWriter; buffer: Uint8Array } {
  const buffer = new Uint8Array(bytes + 16).fill(FILL);
  const control = new ControlWriter();
  // Not at the start of its buffer, so that a forgotten base shows.
  control.reset(subregion(regionOf(buffer), 8, bytes));
  return { control, buffer };
}

describe('devmem messages', () => {
  it('are laid out as Linux lays them out, one behind the other', () => {
    const { control, buffer } = writer(80);
    expect(control.putDevmem(SCM_DEVMEM_LINEAR, 0, 54, 0, 0)).toBe(0);
    expect(control.putDevmem(SCM_DEVMEM_DMABUF, 2 ** 33 + 69_632, 1000, 7, 3)).toBe(0);
    expect(control.length).toBe(80);
    const view = new DataView(buffer.buffer);
    expect([...readCmsgs(view, 8, 80)].map((cmsg) => [cmsg.level, cmsg.type, cmsg.dataLength])).toEqual([
      [SOL_SOCKET, SCM_DEVMEM_LINEAR, 24],
      [SOL_SOCKET, SCM_DEVMEM_DMABUF, 24],
    ]);
    expect(readDmabufCmsg(view, 24)).toEqual({ fragOffset: 0, fragSize: 54, fragToken: 0, dmabufId: 0, flags: 0 });
    expect(readDmabufCmsg(view, 64)).toEqual({
      fragOffset: 2 ** 33 + 69_632,
      fragSize: 1000,
      fragToken: 7,
      dmabufId: 3,
      flags: 0,
    });
    // cmsg_len 40, level 1, type 79; then the payload's 64-bit offset.
    expect([...buffer.subarray(48, 72)]).toEqual([
      40, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 79, 0, 0, 0, 0, 0x10, 0x01, 0, 2, 0, 0, 0,
    ]);
    expect([...buffer.subarray(0, 8), ...buffer.subarray(88)]).toEqual(new Array(16).fill(FILL));
  });

  it.each([0, 16, 24, 39, 79])('are whole or not there: %i bytes of room', (room) => {
    const { control, buffer } = writer(room);
    const fits = Math.floor(room / 40);
    for (let i = 0; i < fits; i++) expect(control.putDevmem(SCM_DEVMEM_DMABUF, 0, 1, i, 1)).toBe(0);
    expect(control.putDevmem(SCM_DEVMEM_DMABUF, 0, 1, 9, 1)).toBe(-ETOOSMALL);
    expect(control.length).toBe(fits * 40);
    expect([...buffer.subarray(8 + fits * 40)].every((byte) => byte === FILL)).toBe(true);
  });

  it('need a buffer', () => {
    const control = new ControlWriter();
    control.reset(null);
    expect(control.putDevmem(SCM_DEVMEM_DMABUF, 0, 1, 1, 1)).toBe(-ETOOSMALL);
    expect(control.putInt(IPPROTO.TCP, TCP_CM_INQ, 1)).toBe(MSG_CTRUNC);
    expect(control.length).toBe(0);
  });
});

describe('ordinary messages', () => {
  it('hold an int and eight bytes of padded payload', () => {
    const { control, buffer } = writer(24);
    expect(control.putInt(IPPROTO.TCP, TCP_CM_INQ, 0x01020304)).toBe(0);
    expect(control.length).toBe(24);
    expect([...buffer.subarray(8, 32)]).toEqual([
      20,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      6,
      0,
      0,
      0,
      TCP_CM_INQ,
      0,
      0,
      0,
      4,
      3,
      2,
      1,
      FILL,
      FILL,
      FILL,
      FILL,
    ]);
  });

  it('take only what is left when the padding has no room', () => {
    const { control } = writer(20);
    expect(control.putInt(IPPROTO.TCP, TCP_CM_INQ, 1)).toBe(0);
    expect(control.length).toBe(20);
  });

  it.each([
    [15, 0, []],
    [16, 16, []],
    [18, 18, [4, 3]],
  ])('are cut, and say so: %i bytes of room', (room, used, payload) => {
    const { control, buffer } = writer(room);
    expect(control.putInt(IPPROTO.TCP, TCP_CM_INQ, 0x01020304)).toBe(MSG_CTRUNC);
    expect(control.length).toBe(used);
    if (used > 0) expect(new DataView(buffer.buffer).getUint32(8, true)).toBe(used);
    expect([...buffer.subarray(24, 24 + payload.length)]).toEqual(payload);
    expect([...buffer.subarray(8 + used)].every((byte) => byte === FILL)).toBe(true);
  });
});
