import { EBUSY, EINVAL, EIO, EOPNOTSUPP, ETHTOOL_COALESCE, Extack } from '@netmem/uapi';
import { describe, expect, it } from 'vitest';
import { makeFakeDevice } from '../test/fake-device.ts';
import type { Coalesce } from './index.ts';

const { RX_USECS, TX_USECS, USE_ADAPTIVE_RX } = ETHTOOL_COALESCE;

describe('getCoalesce', () => {
  it('shows what the driver can set, and what else it has that is not 0', () => {
    const fake = makeFakeDevice({
      supportedCoalesceParams: RX_USECS | TX_USECS | USE_ADAPTIVE_RX,
      getCoalesce: (out) => {
        Object.assign(out, { rxCoalesceUsecs: 20, rxMaxCoalescedFrames: 8, txMaxCoalescedFrames: 0, pktRateLow: 0 });
        return 0;
      },
    });
    expect(fake.ethtool.getCoalesce(fake.dev)).toEqual({
      rxCoalesceUsecs: 20,
      rxMaxCoalescedFrames: 8,
      txCoalesceUsecs: 0,
      useAdaptiveRxCoalesce: false,
    });
  });

  it('answers what the driver answers', () => {
    const fake = makeFakeDevice({ getCoalesce: () => -EIO });
    expect(fake.ethtool.getCoalesce(fake.dev)).toBe(-EIO);
    expect(fake.ethtool.setCoalesce(fake.dev, { rxCoalesceUsecs: 1 })).toBe(-EIO);
    expect(fake.ethtool.getCoalesce(fake.network.loopback!)).toBe(-EOPNOTSUPP);
  });
});

describe('setCoalesce', () => {
  it('passes on what changes, merged with what is', () => {
    const fake = makeFakeDevice();
    expect(fake.ethtool.getCoalesce(fake.dev)).toEqual(fake.coalesce);
    expect(fake.ethtool.setCoalesce(fake.dev, { rxCoalesceUsecs: 20 })).toBe(0);
    expect([fake.calls, fake.events]).toEqual([[], []]);
    expect(fake.ethtool.setCoalesce(fake.dev, { rxCoalesceUsecs: 30 })).toBe(0);
    expect(fake.coalesce).toEqual({ rxCoalesceUsecs: 30, txCoalesceUsecs: 50, useAdaptiveRxCoalesce: false });
    expect([fake.calls, fake.events]).toEqual([['coalesce'], ['eth0 coalesce']]);
    fake.answer = -EBUSY;
    expect(fake.ethtool.setCoalesce(fake.dev, { rxCoalesceUsecs: 1 })).toBe(-EBUSY);
    expect(fake.events).toHaveLength(1);
    expect(fake.ethtool.setCoalesce(fake.network.loopback!, {})).toBe(-EOPNOTSUPP);
  });

  it.each<[string, Coalesce, string]>([
    ['one that the driver lacks', { rxMaxCoalescedFrames: 0 }, 'rx-max-frames'],
    [
      'the first of several, in the order of the attributes',
      { pktRateLow: 1, txMaxCoalescedFrames: 1 },
      'tx-max-frames',
    ],
    ['one beside others that it has', { rxCoalesceUsecs: 1, useCqeModeRx: false }, 'use-cqe-mode-rx'],
  ])('refuses %s, whatever its value', (_what, request, attr) => {
    const fake = makeFakeDevice();
    const extack = new Extack();
    expect(fake.ethtool.setCoalesce(fake.dev, request, extack)).toBe(-EINVAL);
    expect([extack.message, extack.badAttr]).toEqual(['cannot modify an unsupported parameter', attr]);
    expect([fake.calls, fake.coalesce.rxCoalesceUsecs]).toEqual([[], 20]);
  });

  it('asks again for the numbers when the mode went with them', () => {
    const asked: Coalesce[] = [];
    const state: Coalesce = { rxCoalesceUsecs: 20, useAdaptiveRxCoalesce: false };
    const fake = makeFakeDevice({
      supportedCoalesceParams: RX_USECS | USE_ADAPTIVE_RX,
      getCoalesce: (out) => Object.assign(out, state) && 0,
      setCoalesce: (request) => {
        asked.push({ ...request });
        // A driver that goes back to its own number with each change of mode.
        const modeChanged = request.useAdaptiveRxCoalesce !== state.useAdaptiveRxCoalesce;
        Object.assign(state, request, modeChanged ? { rxCoalesceUsecs: 1 } : {});
        return 0;
      },
    });
    const request = { rxCoalesceUsecs: 64, useAdaptiveRxCoalesce: true };
    expect(fake.ethtool.setCoalesce(fake.dev, request)).toBe(0);
    expect([asked, state, fake.events]).toEqual([[request, request], request, ['eth0 coalesce']]);
    expect(fake.ethtool.setCoalesce(fake.dev, { useAdaptiveRxCoalesce: false })).toBe(0);
    expect(asked).toHaveLength(3);
  });
});
