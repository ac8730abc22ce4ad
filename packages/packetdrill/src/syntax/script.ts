import type { TcpOption } from './tcp-option.ts';

/** A place in a script. Lines and columns count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * When an event happens. `at` counts from the start of the script, `after` from the event before; `between` is a range, either way;
 * `any` is `*`. Times are nanoseconds.
 */
export type Time =
  | { readonly kind: 'at'; readonly ns: number }
  | { readonly kind: 'after'; readonly ns: number }
  | { readonly kind: 'between'; readonly relative: boolean; readonly fromNs: number; readonly toNs: number }
  | { readonly kind: 'any' };

/** What a packet's IP header carries, or must carry, in `[ ]` behind the direction. Absent fields are not looked at. */
export interface IpSpec {
  /** `ect01` means one of the two, and stands for packets out only. */
  readonly ecn?: 'noecn' | 'ect0' | 'ect1' | 'ect01' | 'ce';
  /** The whole DSCP and ECN byte. */
  readonly tos?: number;
  readonly ttl?: number;
  readonly flowLabel?: number;
}

/** Ports as the packet carries them. */
export interface PortSpec {
  readonly source: number;
  readonly destination: number;
}

interface PacketSpec {
  /** `in` is `<`: injected, towards the stack. `out` is `>`: expected from it. */
  readonly direction: 'in' | 'out';
  readonly ip: IpSpec | null;
  /** Null: those of the script's default connection. */
  readonly ports: PortSpec | null;
}

/** `S. 0:0(0) ack 1 win 65535 <mss 1460>`: sequence numbers as the script counts them. */
export interface TcpSpec extends PacketSpec {
  readonly protocol: 'tcp';
  /** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128. */
  readonly flags: number;
  readonly sequence: number;
  /** Payload bytes. */
  readonly length: number;
  /** Null is written as nothing and is 0 on the wire. */
  readonly ack: number | null;
  /** The raw field. Null, for packets out: any. */
  readonly window: number | null;
  readonly urgent: number | null;
  /** Null is `<...>`, for packets out: any. */
  readonly options: readonly TcpOption[] | null;
}

/** `udp (1000)`. */
export interface UdpSpec extends PacketSpec {
  readonly protocol: 'udp';
  readonly length: number;
}

/** The packet that an ICMP message quotes: `[1:1001(1000)]`, `[udp (100)]`, `[raw (8)]`. */
export type EchoedSpec =
  | { readonly protocol: 'tcp'; readonly sequence: number; readonly length: number }
  | { readonly protocol: 'udp'; readonly length: number }
  | { readonly protocol: 'raw'; readonly length: number };

/** `icmp unreachable frag_needed mtu 1200 [1:1001(1000)]`. */
export interface IcmpSpec extends PacketSpec {
  readonly protocol: 'icmp';
  /** A name, or `type_9`. */
  readonly type: string;
  /** A name, or `code_3`; null is 0 of a type whose codes have no names. */
  readonly code: string | null;
  readonly mtu: number | null;
  readonly id: number | null;
  readonly echoed: EchoedSpec | null;
}

/** Any packet of a script. */
export type Packet = TcpSpec | UdpSpec | IcmpSpec;

/** An argument or result of a system call. */
export type Expression =
  /** `...`: whatever it is. */
  | { readonly kind: 'any'; readonly at: Position }
  | { readonly kind: 'integer'; readonly value: number; readonly hex: boolean; readonly at: Position }
  | { readonly kind: 'word'; readonly name: string; readonly at: Position }
  /** `open`: written `"abc"...`, only the beginning counts. */
  | { readonly kind: 'string'; readonly value: string; readonly open: boolean; readonly at: Position }
  | { readonly kind: 'or'; readonly terms: readonly Expression[]; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly Expression[]; readonly at: Position }
  | { readonly kind: 'struct'; readonly fields: readonly Field[]; readonly at: Position }
  | { readonly kind: 'call'; readonly name: string; readonly arguments: readonly Expression[]; readonly at: Position };

/** A member of a struct: `sin_port = htons(80)`, `msg_iov(1) = [...]`, or a value without a name. */
export interface Field {
  readonly name: string | null;
  readonly count: Expression | null;
  readonly value: Expression;
}

interface Event {
  readonly at: Position;
  readonly time: Time;
}

/** A packet to inject or to expect. */
export interface PacketEvent extends Event {
  readonly kind: 'packet';
  readonly packet: Packet;
}

/** A system call. */
export interface SyscallEvent extends Event {
  readonly kind: 'syscall';
  /** When a call that blocks returns, ns, counted as the start is; null when it must not block. */
  readonly endNs: number | null;
  readonly name: string;
  readonly arguments: readonly Expression[];
  readonly result: Expression;
  /** `EAGAIN`; null when the call succeeds. */
  readonly errno: string | null;
  /** What stood in parentheses behind the errno or the result: for people. */
  readonly note: string | null;
}

/** `%{ assert … }%`. */
export interface CodeEvent extends Event {
  readonly kind: 'code';
  /** As written, without the blanks at both ends. */
  readonly text: string;
  readonly statements: readonly Assertion[];
}

/** A command for the host, in back quotes. */
export interface CommandEvent extends Event {
  readonly kind: 'command';
  readonly text: string;
}

/** A line of a script. */
export type ScriptEvent = PacketEvent | SyscallEvent | CodeEvent | CommandEvent;

/** `assert condition, message`. */
export interface Assertion {
  readonly at: Position;
  readonly condition: CodeExpression;
  /** Shown when the assertion fails; null when none was given. */
  readonly message: CodeExpression | null;
  /** The condition as written. */
  readonly text: string;
}

/** Operators of two sides, weakest first. */
export type BinaryOperator =
  | 'or'
  | 'and'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '|'
  | '&'
  | '+'
  | '-'
  | '*'
  | '/'
  | '//'
  | '%';

/** An expression between `%{` and `}%`. */
export type CodeExpression =
  | { readonly kind: 'number'; readonly value: number; readonly at: Position }
  | { readonly kind: 'text'; readonly value: string; readonly at: Position }
  | { readonly kind: 'name'; readonly name: string; readonly at: Position }
  | { readonly kind: 'unary'; readonly operator: 'not' | '-'; readonly operand: CodeExpression; readonly at: Position }
  | {
      readonly kind: 'binary';
      readonly operator: BinaryOperator;
      readonly left: CodeExpression;
      readonly right: CodeExpression;
      readonly at: Position;
    }
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly arguments: readonly CodeExpression[];
      readonly at: Position;
    };

/** `--key=value`, as written; `value` is null for a bare `--key`. */
export interface ScriptOption {
  readonly key: string;
  readonly value: string | null;
  readonly at: Position;
}

/** A command that stands before the first event or behind the last. */
export interface ScriptCommand {
  readonly text: string;
  readonly at: Position;
}

/** A parsed script. */
export interface Script {
  /** As given to the parser: begins every message about the script. */
  readonly name: string;
  readonly options: readonly ScriptOption[];
  /** Runs before the first event. */
  readonly setUp: ScriptCommand | null;
  readonly events: readonly ScriptEvent[];
  /** Runs behind the last event, whatever happened before. */
  readonly cleanUp: ScriptCommand | null;
  /** The text's lines, for messages. */
  readonly lines: readonly string[];
}
