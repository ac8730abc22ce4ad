/** SIGINT and SIGTERM end a run the ordinary way: with the guest gone, and a report. */
import type { StopSignal } from './scenario-run.ts';

/** Watches for signals until the process ends. */
export interface SignalWatch extends StopSignal {
  /** Whether one came. */
  readonly interrupted: boolean;
}

/** Starts watching. */
export function watchSignals(): SignalWatch {
  let interrupted = false;
  const stopped = new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.on(name, () => {
        interrupted = true;
        resolve('interrupted');
      });
    }
  });
  return {
    stopped,
    get interrupted() {
      return interrupted;
    },
  };
}
