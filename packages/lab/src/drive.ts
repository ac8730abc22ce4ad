import type { Host } from './host.ts';

/** How far the virtual clock may run ahead while a promise is awaited: a program that waits for nothing fails instead of hanging. */
const DEFAULT_TIMEOUT_NS = 600e9;
/** Promise reactions that may follow one another before the machine moves again. */
const TURNS_PER_ROUND = 16;

async function takeTurns(settled: () => boolean): Promise<void> {
  for (let turn = 0; turn < TURNS_PER_ROUND && !settled(); turn++) await Promise.resolve();
}

/**
 * Pumps a host, with everything that joined its machine, until a promise settles: the bridge between the comfortable, awaiting layer and a
 * machine that moves only when it is told to. Time moves to the next timer when machine and program both have nothing to do.
 *
 * @returns what the promise resolves to.
 * @throws what it rejects with; an Error when nothing can happen any more, or nothing did for `timeoutNs` of a virtual clock.
 */
export async function drive<T>(host: Host, work: Promise<T>, timeoutNs: number = DEFAULT_TIMEOUT_NS): Promise<T> {
  const { machine } = host;
  const { clock } = machine;
  const deadline = clock.nowNs + timeoutNs;
  let done = false;
  const finish = (): void => {
    done = true;
  };
  const settled = (): boolean => done;
  work.then(finish, finish);
  for (;;) {
    // Twice: what the program did in its turns may give the machine something to do at this very instant.
    for (let round = 0; round < 2 && !done; round++) {
      machine.run();
      await takeTurns(settled);
    }
    if (done) return work;
    if (!clock.virtual) continue;
    const next = clock.nextExpiryNs;
    if (next > deadline)
      throw new Error(`the promise still waits and nothing happens in the next ${timeoutNs / 1e9} s`);
    clock.jumpTo(next);
  }
}
