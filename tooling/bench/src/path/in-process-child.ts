/**
 * Measures the in-process path: `in-process-child.ts speed|garbage`, prints JSON. The build is decided before the packages are loaded, which is why
 * they are imported late.
 *
 * `garbage` wants a heap so large that nothing is collected: run it with `--min-semi-space-size=512 --max-semi-space-size=1024`.
 */
import { PerformanceObserver } from 'node:perf_hooks';

const WARM_UP_SEGMENTS = 400_000;
/** Code that V8 has not optimised yet makes a heap number of every large integer: what a path allocates is what it allocates from then on. */
const GARBAGE_WARM_UP_SEGMENTS = 3_000_000;
const MEASURED_SEGMENTS = 600_000;
const GARBAGE_SEGMENTS = 1_200_000;

(globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ = true;
const { InProcessPath } = await import('./in-process.ts');

const path = new InProcessPath();

function speed(): unknown {
  path.run(WARM_UP_SEGMENTS);
  const start = process.cpuUsage();
  const bytes = path.run(MEASURED_SEGMENTS);
  const used = process.cpuUsage(start);
  const seconds = (used.user + used.system) / 1e6;
  return { gbitPerCpuSecond: (bytes * 8) / 1e9 / seconds, nsPerPacket: (seconds * 1e9) / MEASURED_SEGMENTS };
}

async function garbage(): Promise<unknown> {
  path.run(GARBAGE_WARM_UP_SEGMENTS);
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  globalThis.gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  path.run(GARBAGE_SEGMENTS);
  const after = process.memoryUsage().heapUsed;
  await new Promise((resolve) => setTimeout(resolve, 20));
  // A collection in between would hide what it collected.
  return { bytesPerPacket: collections === 0 ? (after - before) / GARBAGE_SEGMENTS : null, collections };
}

process.stdout.write(JSON.stringify(process.argv[2] === 'garbage' ? await garbage() : speed()));
