import { EINVAL } from '@netmem/uapi';
import {
  DEVICE_DESCRIPTOR,
  DEVICE_OPTION,
  OPTION_ID_BUFFER_SIZES,
  OPTION_ID_DQO_RDA,
  OPTION_ID_FLOW_STEERING,
  OPTION_ID_JUMBO_FRAMES,
  OPTION_ID_MODIFY_RING,
  OPTION_ID_RSS_CONFIG,
} from '@netmem/vnic/abi';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeviceGeometry, isPowerOfTwo, parseDescriptor } from './describe.ts';

interface Option {
  readonly id: number;
  readonly payload: readonly number[];
  readonly required?: number;
}

const u16 = (value: number): number[] => [value >>> 8, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const EVERY_FEATURE = 0x1b5;
const RDA: Option = { id: OPTION_ID_DQO_RDA, payload: [...u32(EVERY_FEATURE), 0, 0, 0, 0] };

/** A description as a card writes it; `patch` spoils it. */
function describeCard(options: readonly Option[], patch: (view: DataView) => void = () => {}): DeviceGeometry | number {
  const view = new DataView(new ArrayBuffer(4096));
  let at: number = DEVICE_DESCRIPTOR.$.sizeBytes;
  for (const { id, payload, required } of options) {
    view.setUint16(at + DEVICE_OPTION.optionId, id);
    view.setUint16(at + DEVICE_OPTION.optionLength, payload.length);
    view.setUint32(at + DEVICE_OPTION.requiredFeaturesMask, required ?? 0);
    at += DEVICE_OPTION.$.sizeBytes;
    for (const byte of payload) view.setUint8(at++, byte);
  }
  view.setUint16(DEVICE_DESCRIPTOR.rxQueueEntries, 1024);
  view.setUint16(DEVICE_DESCRIPTOR.txQueueEntries, 512);
  view.setUint16(DEVICE_DESCRIPTOR.mtu, 1460);
  view.setUint16(DEVICE_DESCRIPTOR.numDeviceOptions, options.length);
  view.setUint16(DEVICE_DESCRIPTOR.totalLength, at);
  patch(view);
  return parseDescriptor(view, 0, 4096);
}

describe('parseDescriptor', () => {
  it('without options other than the format: defaults', () => {
    expect(describeCard([RDA])).toMatchObject({
      rxEntries: 1024,
      txEntries: 512,
      maxMtu: 1460,
      modifyRing: null,
      packetBufferBytes: 2048,
      headerBufferBytes: 0,
      maxFlowRules: 0,
      rssOffered: false,
      rssKeyBytes: 40,
      rssLutEntries: 128,
    });
  });

  it('reads every option it has a use for', () => {
    const geometry = describeCard([
      { id: OPTION_ID_MODIFY_RING, payload: [...u32(0), ...u16(4096), ...u16(2048), ...u16(256), ...u16(128)] },
      { id: OPTION_ID_JUMBO_FRAMES, payload: [...u32(0), ...u16(8896), 0, 0] },
      RDA,
      { id: OPTION_ID_BUFFER_SIZES, payload: [...u32(0), ...u16(4096), ...u16(256)] },
      { id: OPTION_ID_FLOW_STEERING, payload: [...u32(0), ...u32(0), ...u32(1000)] },
      { id: OPTION_ID_RSS_CONFIG, payload: [...u32(0), ...u16(52), ...u16(64)] },
      { id: 0x77, payload: [1, 2, 3] },
    ]);
    expect(geometry).toMatchObject({
      maxMtu: 8896,
      modifyRing: { maxRx: 4096, maxTx: 2048, minRx: 256, minTx: 128 },
      packetBufferBytes: 4096,
      headerBufferBytes: 256,
      maxFlowRules: 1000,
      rssOffered: true,
      rssKeyBytes: 52,
      rssLutEntries: 64,
    });
  });

  it('MODIFY_RING without minima has the defaults, and longer options are fine', () => {
    const short = describeCard([RDA, { id: OPTION_ID_MODIFY_RING, payload: [...u32(0), ...u16(4096), ...u16(4096)] }]);
    expect(short).toMatchObject({ modifyRing: { minRx: 512, minTx: 256 } });
    const long = describeCard([
      RDA,
      { id: OPTION_ID_BUFFER_SIZES, payload: [...u32(0), ...u16(4096), ...u16(128), 1, 2, 3, 4] },
    ]);
    expect(long).toMatchObject({ headerBufferBytes: 128 });
  });

  it('a feature needs its bit in the format option, not in its own', () => {
    const sizes: Option = { id: OPTION_ID_BUFFER_SIZES, payload: [...u32(0xffffffff), ...u16(4096), ...u16(256)] };
    expect(describeCard([{ id: OPTION_ID_DQO_RDA, payload: [...u32(0), 0, 0, 0, 0] }, sizes])).toMatchObject({
      headerBufferBytes: 0,
    });
  });

  it('passes over options that are too short or that require something', () => {
    const sizes = [...u32(0), ...u16(4096), ...u16(256)];
    expect(describeCard([RDA, { id: OPTION_ID_BUFFER_SIZES, payload: sizes.slice(0, 7) }])).toMatchObject({
      headerBufferBytes: 0,
    });
    expect(describeCard([RDA, { id: OPTION_ID_BUFFER_SIZES, payload: sizes, required: 1 }])).toMatchObject({
      headerBufferBytes: 0,
    });
  });

  it.each<[string, (view: DataView) => void]>([
    [
      'an option past the end',
      (view) => view.setUint16(DEVICE_DESCRIPTOR.totalLength, DEVICE_DESCRIPTOR.$.sizeBytes + 9),
    ],
    ['an option header past the end', (view) => view.setUint16(DEVICE_DESCRIPTOR.numDeviceOptions, 2)],
    ['a total beyond the buffer', (view) => view.setUint16(DEVICE_DESCRIPTOR.totalLength, 5000)],
    ['an MTU below 68', (view) => view.setUint16(DEVICE_DESCRIPTOR.mtu, 67)],
    ['ring sizes that are no powers of two', (view) => view.setUint16(DEVICE_DESCRIPTOR.rxQueueEntries, 1000)],
    ['no transmit ring', (view) => view.setUint16(DEVICE_DESCRIPTOR.txQueueEntries, 0)],
  ])('refuses %s', (_, patch) => {
    expect(describeCard([RDA], patch)).toBe(-EINVAL);
  });

  it('refuses a card without DQO-RDA', () => {
    expect(describeCard([])).toBe(-EINVAL);
    expect(describeCard([{ id: 0x2, payload: u32(0) }])).toBe(-EINVAL);
  });

  it('makes something or -EINVAL of any bytes, and reads nothing outside', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 40, maxLength: 300 }), fc.boolean(), (bytes, plausible) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        if (plausible) {
          view.setUint16(DEVICE_DESCRIPTOR.rxQueueEntries, 256);
          view.setUint16(DEVICE_DESCRIPTOR.txQueueEntries, 256);
          view.setUint16(DEVICE_DESCRIPTOR.totalLength, bytes.length);
        }
        const geometry = parseDescriptor(view, 0, bytes.length);
        if (typeof geometry === 'number') expect(geometry).toBe(-EINVAL);
        else expect(isPowerOfTwo(geometry.rxEntries)).toBe(true);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
