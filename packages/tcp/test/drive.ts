import type { Machine } from '@netmem/machine';

/** Promise reactions that may follow one another before the machine moves again. */
const TURNS = 20;

/** Runs the machine, and its time when it is idle, until the promise settles. */
export async function drive<T>(machine: Machine, work: Promise<T>): Promise<T> {
  let done = false;
  work.then(
    () => {
      done = true;
    },
    () => {
      done = true;
    },
  );
  for (;;) {
    for (let round = 0; round < 2 && !done; round++) {
      machine.run();
      await turns();
    }
    if (done) return work;
    const next = machine.clock.nextExpiryNs;
    if (next === Number.POSITIVE_INFINITY) throw new Error('the promise waits for something that cannot happen');
    machine.clock.jumpTo(next);
  }
}

/** Lets promises react, and the machine do what is to be done now; no time passes. */
export async function settle(machine: Machine): Promise<void> {
  for (let round = 0; round < 4; round++) {
    machine.run();
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await null;
}
