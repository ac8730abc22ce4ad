import { EBUSY, EINVAL, ENODEV, EOPNOTSUPP, ERANGE, ETHTOOL_RING_USE, Extack, TCP_DATA_SPLIT } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { type FakeDevice, makeFakeDevice } from '../test/fake-device.ts';
import type { EthtoolOps, RingsRequest } from './index.ts';

const { UNKNOWN, DISABLED, ENABLED } = TCP_DATA_SPLIT;

/** A provider on queue 1, as far as anybody looks. */
function bind(fake: FakeDevice): void {
  fake.dev.rxQueues[1].mpParams = { mpPriv: {}, mpOps: {} as never, rxPageSize: 0 };
}

describe('getRings', () => {
  it('shows rings that have a maximum, push modes always, and the rest when it is known', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.getRings(fake.dev)).toEqual({
      rxMax: 4096,
      rx: 512,
      rxJumboMax: 2048,
      rxJumbo: 64,
      txMax: 4096,
      tx: 256,
      txPush: false,
      rxPush: false,
      hdsThresh: 0,
      hdsThreshMax: 1023,
    });
    Object.assign(fake.rings, { rxBufLen: 2048, cqeSize: 64, txPushBufLen: 0, txPushBufLenMax: 128 });
    fake.effectiveSplit = ENABLED;
    expect(fake.ethtool.getRings(fake.dev)).toMatchObject({
      rxBufLen: 2048,
      cqeSize: 64,
      txPushBufLen: 0,
      txPushBufLenMax: 128,
      tcpDataSplit: ENABLED,
    });
  });

  it('shows no threshold of a driver that has none', () => {
    const fake = makeFakeDevice({ supportedRingParams: ETHTOOL_RING_USE.TCP_DATA_SPLIT });
    expect(fake.ethtool.getRings(fake.dev)).not.toHaveProperty('hdsThresh');
  });

  it('keeps what is configured and what is in effect apart', () => {
    const fake = makeFakeDevice();
    fake.effectiveSplit = ENABLED;
    expect(fake.dev.cfg.hdsConfig).toBe(UNKNOWN);
    expect(fake.ethtool.getRings(fake.dev)).toMatchObject({ tcpDataSplit: ENABLED });
    // Asking for what is in effect is a change of what is configured.
    expect(fake.ethtool.setRings(fake.dev, { tcpDataSplit: ENABLED })).toBe(0);
    expect([fake.dev.cfg.hdsConfig, fake.calls.length]).toEqual([ENABLED, 1]);
  });

  it('needs a driver, and a device that is there', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.getRings(fake.network.loopback!)).toBe(-EOPNOTSUPP);
    fake.dev.present = false;
    expect(fake.ethtool.getRings(fake.dev)).toBe(-ENODEV);
    fake.dev.present = true;
    fake.network.unregisterDevice(fake.dev);
    expect(fake.ethtool.getRings(fake.dev)).toBe(-ENODEV);
  });
});

/** What makes each check fail, in the order of the checks. */
const CHECKS: readonly [
  string,
  RingsRequest,
  (fake: FakeDevice, ops: Partial<EthtoolOps>) => void,
  number,
  string,
  string | null,
][] = [
  ['a split that is none', { tcpDataSplit: 3 }, () => undefined, -ERANGE, 'integer out of range', 'tcp-data-split'],
  ...(
    [
      ['rxBufLen', 2048, ETHTOOL_RING_USE.RX_BUF_LEN, 'setting rx buf len not supported', 'rx-buf-len'],
      [
        'tcpDataSplit',
        ENABLED,
        ETHTOOL_RING_USE.TCP_DATA_SPLIT,
        'setting TCP data split is not supported',
        'tcp-data-split',
      ],
      ['hdsThresh', 0, ETHTOOL_RING_USE.HDS_THRS, 'setting hds-thresh is not supported', 'hds-thresh'],
      ['cqeSize', 64, ETHTOOL_RING_USE.CQE_SIZE, 'setting cqe size not supported', 'cqe-size'],
      ['txPush', true, ETHTOOL_RING_USE.TX_PUSH, 'setting tx push not supported', 'tx-push'],
      ['rxPush', true, ETHTOOL_RING_USE.RX_PUSH, 'setting rx push not supported', 'rx-push'],
      [
        'txPushBufLen',
        1,
        ETHTOOL_RING_USE.TX_PUSH_BUF_LEN,
        'setting tx push buf len is not supported',
        'tx-push-buf-len',
      ],
    ] as const
  ).map(
    ([field, value, bit, text, attr]) =>
      [
        `${field} unsupported`,
        { [field]: value },
        (_fake: FakeDevice, ops: { supportedRingParams?: number }) => {
          ops.supportedRingParams = (ops.supportedRingParams ?? 0) & ~bit;
        },
        -EOPNOTSUPP,
        text,
        attr,
      ] as [string, RingsRequest, (fake: FakeDevice, ops: Partial<EthtoolOps>) => void, number, string, string | null],
  ),
  [
    'single-buffer XDP',
    { tcpDataSplit: ENABLED },
    ({ dev }) => {
      dev.xdpProg = { hasFrags: false };
    },
    -EINVAL,
    'tcp-data-split can not be enabled with single buffer XDP',
    'tcp-data-split',
  ],
];

describe('setRings', () => {
  it.each(CHECKS)('%s', (_what, request, spoil, errno, text, attr) => {
    const ops: Partial<EthtoolOps> & { supportedRingParams?: number } = { supportedRingParams: 0x7f };
    const fake = makeFakeDevice(ops);
    spoil(fake, ops);
    fake.ethtool.attach(fake.dev, { ...(fake.dev.ethtoolOps as EthtoolOps), ...ops });
    const extack = new Extack();
    expect(fake.ethtool.setRings(fake.dev, request, extack)).toBe(errno);
    expect([extack.message, extack.badAttr]).toEqual([text, attr]);
    expect([fake.calls, fake.events, fake.dev.cfgPending === fake.dev.cfg]).toEqual([[], [], true]);
  });

  it.each(CHECKS.slice(0, -1).map((check, i) => [check[0], CHECKS[i + 1][0], i] as const))(
    '%s before %s',
    (_a, _b, i) => {
      const ops: Partial<EthtoolOps> & { supportedRingParams?: number } = { supportedRingParams: 0x7f };
      const fake = makeFakeDevice();
      CHECKS[i][2](fake, ops);
      CHECKS[i + 1][2](fake, ops);
      fake.ethtool.attach(fake.dev, { ...(fake.dev.ethtoolOps as EthtoolOps), ...ops });
      const extack = new Extack();
      expect(fake.ethtool.setRings(fake.dev, { ...CHECKS[i + 1][1], ...CHECKS[i][1] }, extack)).toBe(CHECKS[i][3]);
      expect(extack.message).toBe(CHECKS[i][4]);
    },
  );

  it('needs both operations of the driver', () => {
    const fake = makeFakeDevice({ setRingparam: undefined as never });
    expect(fake.ethtool.setRings(fake.dev, { rx: 1024 })).toBe(-EOPNOTSUPP);
  });

  it('changes what is given, tells the driver, commits and notifies', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.setRings(fake.dev, { rx: 1024, tcpDataSplit: ENABLED, hdsThresh: 0 })).toBe(0);
    expect([fake.calls, fake.events, fake.pending]).toEqual([['rings 1024 2 0'], ['eth0 rings'], [[UNKNOWN, ENABLED]]]);
    expect([fake.dev.cfg, fake.dev.cfgPending === fake.dev.cfg]).toEqual([{ hdsConfig: ENABLED, hdsThresh: 0 }, true]);
    expect(fake.ethtool.setRings(fake.dev, { hdsThresh: 1023 })).toBe(0);
    expect(fake.dev.cfg).toEqual({ hdsConfig: ENABLED, hdsThresh: 1023 });
  });

  it('asks nobody when nothing changes, also where a check would refuse', () => {
    const fake = makeFakeDevice();
    fake.dev.cfg.hdsConfig = DISABLED;
    bind(fake);
    expect(fake.ethtool.setRings(fake.dev, { rx: 512, tcpDataSplit: DISABLED })).toBe(0);
    expect(fake.ethtool.setRings(fake.dev, {})).toBe(0);
    expect([fake.calls, fake.events]).toEqual([[], []]);
  });

  it('commits nothing when the driver fails', () => {
    const fake = makeFakeDevice();
    fake.answer = -EBUSY;
    expect(fake.ethtool.setRings(fake.dev, { tcpDataSplit: ENABLED })).toBe(-EBUSY);
    expect([fake.dev.cfg.hdsConfig, fake.events, fake.dev.cfgPending === fake.dev.cfg]).toEqual([UNKNOWN, [], true]);
  });

  it("asks about every queue's configuration before the driver applies it", () => {
    const fake = makeFakeDevice();
    Object.assign(fake, { vetoQueue: 3 });
    expect(fake.ethtool.setRings(fake.dev, { rx: 1024 })).toBe(-5);
    expect(fake.calls).toEqual([]);
  });

  it.each<[RingsRequest, number, string | null, string | null]>([
    [
      { tcpDataSplit: DISABLED },
      -EINVAL,
      "can't disable tcp-data-split while device has memory provider enabled",
      null,
    ],
    [{ tcpDataSplit: UNKNOWN }, -EINVAL, "can't disable tcp-data-split while device has memory provider enabled", null],
    [{ hdsThresh: 1 }, -EINVAL, "can't set non-zero hds_thresh while device is memory provider enabled", null],
    [
      { tcpDataSplit: DISABLED, hdsThresh: 1, rx: 5000 },
      -EINVAL,
      "can't disable tcp-data-split while device has memory provider enabled",
      null,
    ],
    [{ hdsThresh: 9999 }, -EINVAL, "can't set non-zero hds_thresh while device is memory provider enabled", null],
    [{ rx: 256 }, 0, null, null],
  ])('with a memory provider, %o: %i', (request, errno, text, attr) => {
    const fake = makeFakeDevice();
    fake.dev.cfg.hdsConfig = ENABLED;
    bind(fake);
    const extack = new Extack();
    expect(fake.ethtool.setRings(fake.dev, request, extack)).toBe(errno);
    expect([extack.message, extack.badAttr]).toEqual([text, attr]);
  });

  it.each<[RingsRequest, string]>([
    [{ rx: 4097 }, 'rx'],
    [{ rxMini: 1 }, 'rx-mini'],
    [{ rxJumbo: 2049 }, 'rx-jumbo'],
    [{ tx: 4097 }, 'tx'],
    [{ hdsThresh: 1024 }, 'hds-thresh'],
    [{ tx: 4097, rx: 4097 }, 'rx'],
    [{ hdsThresh: 1024, tx: 4097 }, 'tx'],
  ])('%o is too much, of %s', (request, attr) => {
    const fake = makeFakeDevice();
    const extack = new Extack();
    expect(fake.ethtool.setRings(fake.dev, request, extack)).toBe(-EINVAL);
    expect([extack.message, extack.badAttr]).toEqual(['requested ring size exceeds maximum', attr]);
  });

  it('does not mind what was too large before', () => {
    const fake = makeFakeDevice();
    fake.rings.rx = 5000;
    expect(fake.ethtool.setRings(fake.dev, { tx: 512 })).toBe(0);
  });

  it('limits the push buffer, after the rings', () => {
    const fake = makeFakeDevice();
    const extack = new Extack();
    fake.rings.txPushBufLenMax = 96;
    expect(fake.ethtool.setRings(fake.dev, { txPushBufLen: 97 }, extack)).toBe(-EINVAL);
    expect([extack.message, extack.badAttr]).toEqual([
      'Requested TX push buffer exceeds the maximum of 96',
      'tx-push-buf-len',
    ]);
    expect(fake.ethtool.setRings(fake.dev, { txPushBufLen: 97, rx: 5000 }, extack)).toBe(-EINVAL);
    expect(extack.message).toBe('requested ring size exceeds maximum');
  });
});
