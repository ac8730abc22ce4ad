// A device with RSS contexts, which remembers what its driver was asked for.

import type { EthtoolOps, RssContext, RxfhParam } from '../src/index.ts';
import { type FakeDevice, KEY, makeFakeDevice, QUEUES } from './fake-device.ts';

export interface ContextDevice extends FakeDevice {
  /** Every context operation that reached the driver. */
  requests: string[];
  /** What the driver answers them. */
  contextAnswer: number;
  /** `RXH` bits by flow type. */
  fields: Map<number, number>;
}

/** Contexts 1 to 3, with keys and fields of their own, unless `overrides` says otherwise. */
export function makeContextDevice(overrides: Partial<EthtoolOps> = {}): ContextDevice {
  const requests: string[] = [];
  const answer = (what: string, context: number, request?: RxfhParam): number => {
    const given = request === undefined ? [] : Object.keys(request).filter((name) => name !== 'rssContext');
    requests.push([what, context, ...given].join(' '));
    return device.contextAnswer;
  };
  const fields: Map<number, number> = new Map();
  const ops: Partial<EthtoolOps> = {
    rxfhMaxNumContexts: 4,
    rxfhPerCtxKey: true,
    rxfhPerCtxFields: true,
    supportedInputXfrm: 3,
    createRxfhContext(ctx: RssContext, request): number {
      ctx.indir.forEach((_, i) => {
        ctx.indir[i] = i % QUEUES;
      });
      ctx.key.fill(7);
      ctx.inputXfrm = 0;
      ctx.priv = `state of ${request.rssContext}`;
      return answer('create', request.rssContext, request);
    },
    modifyRxfhContext: (ctx, request) => answer(`modify ${ctx.priv}`, request.rssContext, request),
    removeRxfhContext: (ctx, context) => answer(`remove ${ctx.priv}`, context),
    getRxfhFields(out): number {
      out.data = fields.get(out.flowType) ?? 0;
      return fields.has(out.flowType) ? 0 : -22;
    },
    setRxfhFields(request): number {
      requests.push(`fields ${request.rssContext} ${request.flowType} ${request.data}`);
      fields.set(request.flowType, request.data);
      return device.contextAnswer;
    },
    ...overrides,
  };
  const device: ContextDevice = Object.assign(makeFakeDevice(ops), { requests, contextAnswer: 0, fields });
  return device;
}

export const ANY_KEY: Uint8Array = Uint8Array.from({ length: KEY }, (_, i) => 100 + i);
