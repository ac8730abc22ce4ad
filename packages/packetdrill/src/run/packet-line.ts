import { printEchoed, printIp, printPorts, printSequence } from '../syntax/print-packet.ts';
import { printTime } from '../syntax/print-script.ts';
import type { IpSpec, Packet } from '../syntax/script.ts';
import { printFlags } from '../syntax/tcp-flags.ts';
import { printOption } from '../syntax/tcp-option.ts';

const NS_PER_US = 1000;
const US_PER_SECOND = 1_000_000;
const US_DIGITS = 6;

/** A part of a packet's line that can be pointed at. */
export interface Segment {
  readonly key: string;
  /** What stands between this part and the one before. */
  readonly before: string;
  readonly text: string;
}

/** Script time with microseconds, `0.200000`. */
export function stamp(ns: number): string {
  const us = Math.round(ns / NS_PER_US);
  if (us < 0) return `-${stamp(-ns)}`;
  return `${Math.floor(us / US_PER_SECOND)}.${String(us % US_PER_SECOND).padStart(US_DIGITS, '0')}`;
}

/** `0.2~0.4` of a range, for people. */
export function stampRange(fromNs: number, toNs: number): string {
  return fromNs === toNs ? stamp(fromNs) : `${printTime(fromNs)}~${printTime(toNs)}`;
}

/**
 * A packet as one line in parts: `0.200000 > P. 1:1001(1000) ack 1 win 257 <nop,nop,TS val 5 ecr 7>`.
 *
 * @param time - As it is to be shown. @param show - Which of the IP header's fields, and whether ports are shown.
 */
export function packetSegments(
  time: string,
  packet: Packet,
  show: { readonly ip: readonly (keyof IpSpec)[]; readonly ports: boolean },
): Segment[] {
  const segments: Segment[] = [
    { key: 'time', before: '', text: time },
    { key: 'direction', before: ' ', text: packet.direction === 'in' ? '<' : '>' },
  ];
  const add = (key: string, text: string): void => {
    segments.push({ key, before: ' ', text });
  };
  const ip = Object.fromEntries(show.ip.map((field) => [field, packet.ip?.[field]])) as IpSpec;
  if (show.ip.length > 0) add('ip', printIp(ip));
  if (packet.protocol !== 'tcp') add('protocol', packet.protocol);
  if (show.ports && packet.ports !== null) add('ports', printPorts(packet.ports));
  if (packet.protocol === 'tcp') {
    add('flags', printFlags(packet.flags));
    add('seq', printSequence(packet.sequence, packet.length));
    if (packet.ack !== null) add('ack', `ack ${packet.ack}`);
    if (packet.window !== null) add('win', `win ${packet.window}`);
    if (packet.urgent !== null) add('urg', `urg ${packet.urgent}`);
    segments.push(...optionSegments(packet.options));
  } else if (packet.protocol === 'udp') {
    add('length', `(${packet.length})`);
  } else {
    add('type', packet.type);
    if (packet.code !== null) add('code', packet.code);
    if (packet.mtu !== null) add('mtu', `mtu ${packet.mtu}`);
    if (packet.id !== null) add('id', `id ${packet.id}`);
    if (packet.echoed !== null) add('echoed', printEchoed(packet.echoed));
  }
  return segments;
}

function optionSegments(options: (Packet & { readonly protocol: 'tcp' })['options']): Segment[] {
  if (options === null) return [{ key: 'options', before: ' ', text: '<...>' }];
  if (options.length === 0) return [];
  const segments = options.map((option, i) => ({
    key: `option ${i}`,
    before: i === 0 ? ' <' : ',',
    text: printOption(option),
  }));
  return [...segments, { key: 'options end', before: '', text: '>' }];
}

/** The parts put together. */
export function joinSegments(segments: readonly Segment[]): string {
  return segments.map(({ before, text }) => before + text).join('');
}

/** A line of carets under the parts with these keys; parts that are not there are pointed at behind the end. */
export function caretLine(segments: readonly Segment[], keys: ReadonlySet<string>): string {
  let line = '';
  const missing = new Set(keys);
  for (const { key, before, text } of segments) {
    missing.delete(key);
    line += ' '.repeat(before.length) + (keys.has(key) ? '^' : ' ').repeat(text.length);
  }
  return missing.size > 0 ? `${line} ^` : line.trimEnd();
}
