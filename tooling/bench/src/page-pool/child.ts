/**
 * Measures one case: `child.ts CASE production|checked`, prints nanoseconds per pair of alloc and put as JSON.
 *
 * The build is decided before the packages are loaded, which is why they are imported late.
 */
import { measure } from 'mitata';

/** Loops in one sample of mitata, so that a sample (some 400 µs) is long against the clock's resolution. */
const LOOPS_PER_SAMPLE = 100;
/** Before measuring, so that the last tier of the compiler has done its work. */
const WARM_UP_MS = 150;
const MEASURED_NS = 250e6;

const [name = '', build] = process.argv.slice(2);
(globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ = build === 'production';
const { CASES, PAIRS } = await import('./cases.ts');

const make = CASES[name];
if (make === undefined) throw new Error(`no case ${name}`);
const loop = make();
let sink = 0;
for (const start = performance.now(); performance.now() - start < WARM_UP_MS; ) sink ^= loop();
const stats = await measure(
  () => {
    for (let i = 0; i < LOOPS_PER_SAMPLE; i++) sink ^= loop();
    return sink;
  },
  { min_cpu_time: MEASURED_NS, batch_threshold: 0 },
);
process.stdout.write(JSON.stringify(stats.p50 / (LOOPS_PER_SAMPLE * PAIRS)));
