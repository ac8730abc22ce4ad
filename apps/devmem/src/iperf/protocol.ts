/** iperf3's control protocol, from the server's side: numbers, parameters and results. Observed on iperf 3.12; later versions add fields. */

/** One byte each on the control connection, signed. */
export const STATE = {
  testStart: 1,
  testRunning: 2,
  testEnd: 4,
  paramExchange: 9,
  createStreams: 10,
  serverTerminate: 11,
  clientTerminate: 12,
  exchangeResults: 13,
  displayResults: 14,
  done: 16,
  accessDenied: -1,
  serverError: -2,
} as const;

/** Bytes of the cookie that opens every connection of a test: 36 letters and a zero. */
export const COOKIE_BYTES = 37;
/** Bytes before each JSON text: its length, big-endian. */
export const LENGTH_BYTES = 4;
/** Longer texts are not read: a client's parameters and results are a few KiB. */
export const MAX_JSON_BYTES = 1 << 20;

/** i_errno of a server error that the client shows as "an option you are trying to set is not implemented yet". */
export const IEUNIMP = 13;
/** … as "unable to receive parameters from client". */
export const IERECVPARAMS = 113;

/** What the client asks for, as far as we care. */
export interface TestParameters {
  /** Parallel streams. */
  readonly parallel: number;
  /** Seconds at the start that do not count. */
  readonly omit: number;
  /** What this server cannot do, named by its option; null when it can do all of it. */
  readonly refused: string | null;
}

/** What one stream measured, as the results texts carry it. */
export interface StreamResult {
  readonly id: number;
  readonly bytes: number;
}

/** What a client says after a test. */
export interface ClientResults {
  /** Percent of one processor. */
  readonly cpuPercent: number;
  /** In the order in which the client made its streams. */
  readonly streams: readonly StreamResult[];
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

const count = (value: unknown): number => (typeof value === 'number' && value >= 0 ? Math.floor(value) : 0);

/** Reads the client's parameters; null when they are none. @param maxStreams - More are refused. */
export function parseParameters(text: string, maxStreams: number): TestParameters | null {
  const asked = parseObject(text);
  if (asked === null) return null;
  const parallel = Math.max(1, count(asked.parallel));
  const refusals: readonly [unasked: boolean, option: string][] = [
    [asked.udp !== true, '-u (UDP cannot land in device memory)'],
    [asked.sctp !== true, '--sctp'],
    [asked.reverse !== true, '-R (nothing is sent from device memory)'],
    [asked.bidirectional !== true, '--bidir (nothing is sent from device memory)'],
    [parallel <= maxStreams, `-P ${parallel} (each stream needs a flow rule; the card has ${maxStreams})`],
  ];
  return { parallel, omit: count(asked.omit), refused: refusals.find(([fine]) => !fine)?.[1] ?? null };
}

/** Reads the client's results; null when they are none. */
export function parseResults(text: string): ClientResults | null {
  const said = parseObject(text);
  if (said === null || !Array.isArray(said.streams)) return null;
  const streams = said.streams as Partial<Record<'id' | 'bytes', unknown>>[];
  return {
    cpuPercent: typeof said.cpu_util_total === 'number' ? said.cpu_util_total : 0,
    streams: streams.map((stream) => ({ id: count(stream?.id), bytes: count(stream?.bytes) })),
  };
}

/** Our results in the form that a client insists on: each of its streams, by its ids. @param cpu - Shares of one processor. */
export function formatResults(
  streams: readonly StreamResult[],
  seconds: number,
  cpu: { readonly user: number; readonly system: number },
): string {
  return JSON.stringify({
    cpu_util_total: 100 * (cpu.user + cpu.system),
    cpu_util_user: 100 * cpu.user,
    cpu_util_system: 100 * cpu.system,
    // -1: a receiver does not know of retransmissions.
    sender_has_retransmits: -1,
    streams: streams.map(({ id, bytes }) => ({
      id,
      bytes,
      retransmits: -1,
      jitter: 0,
      errors: 0,
      omitted_errors: 0,
      packets: 0,
      omitted_packets: 0,
      start_time: 0,
      end_time: seconds,
    })),
  });
}

/** A JSON text with its length before it. */
export function frameText(text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const framed = new Uint8Array(LENGTH_BYTES + body.length);
  new DataView(framed.buffer).setUint32(0, body.length);
  framed.set(body, LENGTH_BYTES);
  return framed;
}

/** The state byte and the two numbers that follow a server error. */
export function serverErrorBytes(iErrno: number): Uint8Array {
  const bytes = new Uint8Array(9);
  const view = new DataView(bytes.buffer);
  view.setInt8(0, STATE.serverError);
  view.setInt32(1, iErrno);
  return bytes;
}
