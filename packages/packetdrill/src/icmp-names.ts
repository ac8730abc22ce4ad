// Names of ICMP types and codes as scripts write them; the numbers are IANA's.

const TYPES4: ReadonlyMap<string, number> = new Map([
  ['echo_reply', 0],
  ['unreachable', 3],
  ['source_quench', 4],
  ['redirect', 5],
  ['echo_request', 8],
  ['time_exceeded', 11],
  ['parameter_problem', 12],
  ['timestamp_request', 13],
  ['timestamp_reply', 14],
]);
const UNREACHABLE4: ReadonlyMap<string, number> = new Map(
  [
    'net_unreachable',
    'host_unreachable',
    'protocol_unreachable',
    'port_unreachable',
    'frag_needed',
    'source_route_failed',
    'net_unknown',
    'host_unknown',
    'source_host_isolated',
    'net_prohibited',
    'host_prohibited',
    'net_unreachable_for_tos',
    'host_unreachable_for_tos',
    'packet_filtered',
    'precedence_violation',
    'precedence_cutoff',
  ].map((name, code) => [name, code]),
);
const TYPES6: ReadonlyMap<string, number> = new Map([
  ['unreachable', 1],
  ['packet_too_big', 2],
  ['time_exceeded', 3],
  ['parameter_problem', 4],
  ['echo_request', 128],
  ['echo_reply', 129],
]);
const CODES6: ReadonlyMap<number, ReadonlyMap<string, number>> = new Map([
  [
    1,
    new Map([
      ['no_route', 0],
      ['admin_prohibited', 1],
      ['not_neighbour', 2],
      ['address_unreachable', 3],
      ['port_unreachable', 4],
    ]),
  ],
  [
    3,
    new Map([
      ['exceeded_hop_limit', 0],
      ['exceeded_frag_time', 1],
    ]),
  ],
  [
    4,
    new Map([
      ['header_field', 0],
      ['unknown_next_header', 1],
      ['unknown_option', 2],
    ]),
  ],
]);

function typesOf(ipVersion: 4 | 6): ReadonlyMap<string, number> {
  return ipVersion === 4 ? TYPES4 : TYPES6;
}

function codesOf(ipVersion: 4 | 6, type: number): ReadonlyMap<string, number> | undefined {
  return ipVersion === 4 ? (type === 3 ? UNREACHABLE4 : undefined) : CODES6.get(type);
}

function numbered(name: string, prefix: string): number | null {
  const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
  const value = /^[0-9]{1,3}$/.test(digits) ? Number(digits) : 256;
  return value <= 255 ? value : null;
}

function nameOf(names: ReadonlyMap<string, number> | undefined, value: number): string | null {
  for (const [name, number] of names ?? []) if (number === value) return name;
  return null;
}

/** The number of `unreachable` or `type_3`; null when there is no such name. */
export function icmpTypeNumber(ipVersion: 4 | 6, name: string): number | null {
  return typesOf(ipVersion).get(name) ?? numbered(name, 'type_');
}

/** The number of a code's name, which depends on the type, or of `code_3`; null when there is no such name. */
export function icmpCodeNumber(ipVersion: 4 | 6, type: number, name: string): number | null {
  return codesOf(ipVersion, type)?.get(name) ?? numbered(name, 'code_');
}

/** How a script writes a type. */
export function icmpTypeName(ipVersion: 4 | 6, type: number): string {
  return nameOf(typesOf(ipVersion), type) ?? `type_${type}`;
}

/** How a script writes a code; null for 0 of a type whose codes have no names. */
export function icmpCodeName(ipVersion: 4 | 6, type: number, code: number): string | null {
  return nameOf(codesOf(ipVersion, type), code) ?? (code === 0 ? null : `code_${code}`);
}
