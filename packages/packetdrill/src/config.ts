import { parseAddress4, parseAddress6 } from '@netmem/wire';
import { PacketdrillError } from './packetdrill-error.ts';
import type { Position, ScriptOption } from './syntax/script.ts';

/** Local and remote addresses of IPv4 scripts that name none: a private network, and TEST-NET-1 (RFC 5737). */
const ADDRESSES4 = { local: '192.168.0.1', remote: '192.0.2.1', gateway: '192.168.0.2', prefixLength: 16 };
/** The same for IPv6: a unique local network, and the prefix for documentation (RFC 3849). */
const ADDRESSES6 = {
  local: 'fd3d:fa7b:d17d::1',
  remote: '2001:db8::1',
  gateway: 'fd3d:fa7b:d17d:8888::1',
  prefixLength: 48,
};
const DEFAULT_PORT = 8080;
const DEFAULT_MTU = 1500;
const MIN_MTU = 68;
const DEFAULT_TOLERANCE_US = 4000;
const MAX_WHOLE = 0x7fffffff;
const NS_PER_US = 1000;

/** What the options of a script say, with the defaults of packetdrill where they say nothing. */
export interface ScriptConfig {
  readonly ipVersion: 'ipv4' | 'ipv4-mapped-ipv6' | 'ipv6';
  /** IP version on the wire. */
  readonly wireVersion: 4 | 6;
  readonly localAddress: string;
  readonly remoteAddress: string;
  /** The stack's next hop towards the remote address. */
  readonly gatewayAddress: string;
  /** Of the local address. */
  readonly prefixLength: number;
  /** Where `bind(fd, ..., ...)` binds. */
  readonly bindPort: number;
  /** Where `connect(fd, ..., ...)` connects. */
  readonly connectPort: number;
  readonly mtu: number;
  /** For hosts that take packets larger than the MTU, to be cut into segments of this many bytes; null when not given: then none is injected. */
  readonly mss: number | null;
  /** How far an event may be from its time. */
  readonly toleranceNs: number;
  /**
   * The same as a share, in percent, of the time since the event before; the larger counts. packetdrill's default is 12.5, for the timer wheel
   * of a real kernel; 0 here, because a virtual clock has no wheel.
   */
  readonly tolerancePercent: number;
  /** Nanoseconds per tick of TCP timestamps; 0: values of packets that are expected are not compared. */
  readonly timestampTickNs: number;
  /** Whether an `ecr` that repeats no value seen before is translated by the distance to the first one. */
  readonly timestampEchoScaled: boolean;
  /** Whether a packet that is expected must come as one segment, rather than as several that add up to it. */
  readonly strictSegments: boolean;
  /** Which failures do not end the script. */
  readonly nonFatal: { readonly packet: boolean; readonly syscall: boolean };
}

/** Options that are accepted and mean nothing here: they tune packetdrill's own output and device. */
const WITHOUT_MEANING: ReadonlySet<string> = new Set(['verbose', 'debug', 'speed', 'send_omit_free']);

class OptionReader {
  readonly #name: string;
  readonly #options: ReadonlyMap<string, ScriptOption>;
  readonly #used: Set<string> = new Set();

  constructor(name: string, options: readonly ScriptOption[]) {
    this.#name = name;
    this.#options = new Map(options.map((option) => [option.key, option]));
  }

  fail(at: Position, message: string): never {
    throw new PacketdrillError(this.#name, at, message);
  }

  text(key: string): ScriptOption | undefined {
    this.#used.add(key);
    return this.#options.get(key);
  }

  value(key: string): string | undefined {
    const option = this.text(key);
    if (option?.value === null) this.fail(option.at, `--${key} needs a value`);
    return option?.value ?? undefined;
  }

  flag(key: string): boolean {
    const option = this.text(key);
    if (option === undefined) return false;
    if (option.value === null || option.value === '1') return true;
    return option.value === '0' ? false : this.fail(option.at, `--${key} is 0, 1 or without a value`);
  }

  whole(key: string, fallback: number, least: number, most: number): number {
    const text = this.value(key);
    if (text === undefined) return fallback;
    const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    return this.fail(this.#at(key), `--${key} is a whole number from ${least} to ${most}`);
  }

  percent(key: string): number {
    const text = this.value(key);
    if (text === undefined) return 0;
    const value = /^[0-9]+(?:\.[0-9]+)?$/.test(text) ? Number(text) : Number.NaN;
    return value <= 100 ? value : this.fail(this.#at(key), `--${key} is a number from 0 to 100`);
  }

  address(key: string, version: 4 | 6, fallback: string): string {
    const text = this.value(key)?.replace(/\/[0-9]+$/, '');
    if (text === undefined) return fallback;
    const parsed = version === 4 ? parseAddress4(text) : parseAddress6(text);
    return parsed === null ? this.fail(this.#at(key), `'${text}' is no IPv${version} address`) : text;
  }

  /** Refuses options that nobody asked for. */
  refuseOthers(): void {
    for (const { key, at } of this.#options.values()) {
      if (!this.#used.has(key) && !WITHOUT_MEANING.has(key)) this.fail(at, `--${key} is no known option`);
    }
  }

  #at(key: string): Position {
    return this.#options.get(key)?.at ?? { line: 1, column: 1 };
  }
}

/**
 * What the options of a script say.
 *
 * @throws PacketdrillError for an option that does not exist, or a value that it does not take.
 */
export function readConfig(name: string, options: readonly ScriptOption[]): ScriptConfig {
  const reader = new OptionReader(name, options);
  const ipVersion = readIpVersion(reader);
  const wireVersion = ipVersion === 'ipv6' ? 6 : 4;
  const addresses = wireVersion === 6 ? ADDRESSES6 : ADDRESSES4;
  const config: ScriptConfig = {
    ipVersion,
    wireVersion,
    localAddress: reader.address('local_ip', wireVersion, addresses.local),
    remoteAddress: reader.address('remote_ip', wireVersion, addresses.remote),
    gatewayAddress: reader.address('gateway_ip', wireVersion, addresses.gateway),
    prefixLength: readPrefixLength(reader, wireVersion, addresses.prefixLength),
    bindPort: reader.whole('bind_port', DEFAULT_PORT, 1, 0xffff),
    connectPort: reader.whole('connect_port', DEFAULT_PORT, 1, 0xffff),
    mtu: reader.whole('mtu', DEFAULT_MTU, MIN_MTU, 0xffff),
    mss: reader.whole('mss', 0, 1, 0xffff) || null,
    toleranceNs: reader.whole('tolerance_usecs', DEFAULT_TOLERANCE_US, 0, MAX_WHOLE) * NS_PER_US,
    tolerancePercent: reader.percent('tolerance_percent'),
    timestampTickNs: reader.whole('tcp_ts_tick_usecs', 0, 0, MAX_WHOLE) * NS_PER_US,
    timestampEchoScaled: reader.flag('tcp_ts_ecr_scaled'),
    strictSegments: reader.flag('strict_segments'),
    nonFatal: readNonFatal(reader),
  };
  reader.refuseOthers();
  return config;
}

function readIpVersion(reader: OptionReader): ScriptConfig['ipVersion'] {
  const option = reader.text('ip_version');
  const value = option?.value;
  if (option === undefined) return 'ipv4';
  if (value === 'ipv4' || value === 'ipv6' || value === 'ipv4-mapped-ipv6') return value;
  return reader.fail(option.at, '--ip_version is ipv4, ipv4-mapped-ipv6 or ipv6');
}

function readPrefixLength(reader: OptionReader, version: 4 | 6, fallback: number): number {
  const option = reader.text('netmask_ip');
  if (option === undefined) return fallback;
  const mask = version === 4 && option.value !== null ? parseAddress4(option.value) : null;
  const length = mask === null ? -1 : Math.clz32(~mask);
  const whole = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
  return mask === whole ? length : reader.fail(option.at, '--netmask_ip is an IPv4 netmask such as 255.255.0.0');
}

function readNonFatal(reader: OptionReader): ScriptConfig['nonFatal'] {
  const option = reader.text('non_fatal');
  const kinds = (option?.value ?? '').split(',').filter((kind) => kind !== '');
  for (const kind of kinds) {
    if (option !== undefined && kind !== 'packet' && kind !== 'syscall') {
      reader.fail(option.at, '--non_fatal is packet, syscall, or both with a comma');
    }
  }
  return { packet: kinds.includes('packet'), syscall: kinds.includes('syscall') };
}
