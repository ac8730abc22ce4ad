import { readConfig, type ScriptConfig } from '../config.ts';
import type { PacketEvent, Script, ScriptEvent } from '../syntax/script.ts';
import { isInTime, type Window, windowOf } from './event-time.ts';
import type { Failure } from './failure.ts';
import type { PacketdrillHost, ScriptNetwork } from './host.ts';
import { stamp } from './packet-line.ts';
import { playCode } from './play-code.ts';
import { expectPacket, injectPacket, leftoverLines } from './play-packet.ts';
import { awaitLastCall, playSyscall } from './play-syscall.ts';
import { Session } from './session.ts';

/** Where injected frames come from: locally administered, so nobody's. */
const REMOTE_MAC: Uint8Array = new Uint8Array([0x02, 0x70, 0x64, 0x00, 0x00, 0x01]);

/** How a script is run, beyond what it says itself. */
export interface RunOptions {
  /**
   * What packets mean that the stack sent until the last event and no line expects. packetdrill ignores them, and so does the default; `fail` makes
   * the first one a failure.
   */
  readonly leftovers?: 'ignore' | 'fail';
}

/** What came of a script. */
export interface Result {
  /** Whether the stack did all that the script expects. */
  readonly ok: boolean;
  /** What it did not, in order. One, unless `--non_fatal` says that the script goes on. */
  readonly failures: readonly Failure[];
  /** Packets that were sent and not expected by any line, one line each. */
  readonly leftovers: readonly string[];
  /** Every packet up to the end, in and out, one line each. */
  readonly trace: readonly string[];
  /** Script time at the end, ns. */
  readonly endNs: number;
}

/**
 * Runs a script against a stack. Whatever the stack does, the answer is a result.
 *
 * @param host - Fresh for each script: sockets and connections of a script before would answer.
 * @throws PacketdrillError when the script's options do not go together. Error when the host breaks its contract: its clock stands still, it cannot
 * be set up, or it throws itself.
 */
export function runScript(script: Script, host: PacketdrillHost, options: RunOptions = {}): Result {
  const config = readConfig(script.name, script.options);
  const network = networkOf(config);
  host.setUp?.(network);
  const session = new Session(script, config, host, network);
  if (script.setUp !== null) runCommand(session, script.setUp.text, script.setUp.at.line);
  playEvents(session);
  if (!session.stopped) awaitLastCall(session);
  const leftovers = leftoverLines(session);
  const [extra] = leftovers;
  const last = script.events.at(-1);
  if (options.leftovers === 'fail' && !session.stopped && extra !== undefined && last !== undefined) {
    session.fail(last.at.line, { kind: 'leftover', message: 'a packet came that no line expects', actual: extra });
  }
  if (script.cleanUp !== null) runCommand(session, script.cleanUp.text, script.cleanUp.at.line);
  const { failures, trace, timeline } = session;
  return { ok: failures.length === 0, failures, leftovers, trace, endNs: timeline.nowNs };
}

function networkOf(config: ScriptConfig): ScriptNetwork {
  const { wireVersion, localAddress, prefixLength, remoteAddress, gatewayAddress, mtu, mss } = config;
  return {
    version: wireVersion,
    localAddress,
    prefixLength,
    remoteAddress,
    gatewayAddress,
    remoteMac: REMOTE_MAC,
    mtu,
    mss,
  };
}

function playEvents(session: Session): void {
  const { timeline, config } = session;
  let before: { readonly event: ScriptEvent; readonly window: Window } | null = null;
  for (const event of session.script.events) {
    if (session.stopped) return;
    // Packets that are injected one after the other keep their distance, whatever the first one set off.
    const anchored: boolean = before !== null && isInjected(before.event) && isInjected(event);
    const baseNs: number = anchored && before !== null ? before.window.fromNs : timeline.nowNs;
    const window = windowOf(event.time, baseNs, config);
    if (event.kind === 'packet' && event.packet.direction === 'out') {
      expectPacket(session, event, window);
    } else if (reach(session, event, window)) {
      act(session, event, window, baseNs);
    }
    before = { event, window };
  }
}

function isInjected(event: ScriptEvent): event is PacketEvent {
  return event.kind === 'packet' && event.packet.direction === 'in';
}

/** Moves to an event's time; false when that is over, or a call that waits failed on the way. */
function reach(session: Session, event: ScriptEvent, window: Window): boolean {
  const { timeline } = session;
  timeline.runTo(window.fromNs, () => session.stopped);
  if (session.stopped) return false;
  if (isInTime(timeline.nowNs, window)) return true;
  session.fail(event.at.line, {
    kind: 'time',
    message: `the event is late: at ${stamp(timeline.nowNs)} rather than at ${stamp(window.fromNs)}`,
  });
  return false;
}

function act(session: Session, event: ScriptEvent, window: Window, baseNs: number): void {
  switch (event.kind) {
    case 'packet':
      injectPacket(session, event);
      return;
    case 'syscall':
      playSyscall(session, event, window, baseNs);
      return;
    case 'code':
      playCode(session, event);
      return;
    case 'command':
      runCommand(session, event.text, event.at.line);
      session.timeline.settle();
      return;
  }
}

function runCommand(session: Session, text: string, line: number): void {
  const { host } = session;
  if (host.command === undefined) session.fail(line, { kind: 'command', message: 'the host runs no commands' });
  else if (!host.command(text)) session.fail(line, { kind: 'command', message: `the command failed: ${text}` });
}
