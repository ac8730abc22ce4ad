/** `--fault`: one thing that goes wrong at the card, and when. */
import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../quantities.ts';

/** Frames: on their way into the card, or out of it. */
const FRAME_FAULTS = ['drop', 'duplicate', 'corrupt', 'delay'] as const;
/** Interrupts of the card, counted over all vectors. */
const INTERRUPT_FAULTS = ['delay-interrupt', 'lose-interrupt'] as const;
/** What the card does when a frame comes: it posts no completions any more, or asks its driver for a reset. */
const CARD_FAULTS = ['hang-rx', 'hang-tx', 'reset'] as const;

export type FrameFaultKind = (typeof FRAME_FAULTS)[number];
export type InterruptFaultKind = (typeof INTERRUPT_FAULTS)[number];
export type CardFaultKind = (typeof CARD_FAULTS)[number];

/** A fault as it was asked for. Plain data. */
export interface CardFault {
  readonly what: FrameFaultKind | InterruptFaultKind | CardFaultKind;
  /** Which frame or interrupt, counted from 1. */
  readonly nth: number;
  /** It is a frame that the card sends, not one that comes. */
  readonly sent: boolean;
  /** For how long something is delayed; 0 for what is not. */
  readonly delayNs: number;
}

const DELAYS: readonly string[] = ['delay', 'delay-interrupt'] satisfies CardFault['what'][];
const ADVICE = `Give one of ${[...FRAME_FAULTS, ...INTERRUPT_FAULTS, ...CARD_FAULTS].join(', ')}, then @N, such as drop@100 (the 100th frame that comes), drop@tx100 (… that goes), delay@100:5ms, lose-interrupt@10, hang-tx@1000, reset@1000.`;

function isOneOf<T extends string>(names: readonly T[], name: string): name is T {
  return (names as readonly string[]).includes(name);
}

/** `delay@tx100:5ms` → a fault. @throws InvalidArgumentError with what can be said instead. */
export function parseFault(text: string): CardFault {
  const match = /^([a-z-]+)@(tx)?(\d{1,15})(?::(.+))?$/.exec(text.trim());
  const [, what = '', tx, count, time] = match ?? [];
  const nth = Number(count);
  const sent = tx !== undefined;
  const known =
    isOneOf(FRAME_FAULTS, what) || (!sent && (isOneOf(INTERRUPT_FAULTS, what) || isOneOf(CARD_FAULTS, what)));
  if (!known || !(nth >= 1) || DELAYS.includes(what) !== (time !== undefined)) throw new InvalidArgumentError(ADVICE);
  return { what, nth, sent, delayNs: time === undefined ? 0 : parseDuration(time) };
}

/** Declares `--fault` on a command; it may be given several times. */
export function declareFaultOption(command: Command): Command {
  return command.option(
    '--fault <WHAT@N>',
    `something goes wrong at the card, once; may be given several times. ${ADVICE}`,
    (text: string, before: readonly CardFault[]) => [...before, parseFault(text)],
    [] as readonly CardFault[],
  );
}
