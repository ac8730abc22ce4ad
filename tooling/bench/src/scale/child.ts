/**
 * Measures one size of the path: `child.ts QUEUES CONNECTIONS`, prints nanoseconds of CPU per segment as JSON. The build is decided before the packages are
 * loaded, which is why they are imported late.
 */
const MEASURED_SEGMENTS = 250_000;
/** Every connection has been round more than once, and the optimiser is done. */
const WARM_UP_SEGMENTS = 250_000;

(globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ = true;
const { ScaledPath } = await import('./scaled-path.ts');

const [queues = '1', connections = '1'] = process.argv.slice(2);
const path = new ScaledPath(Number(queues), Number(connections));
path.run(WARM_UP_SEGMENTS);
const start = process.cpuUsage();
path.run(MEASURED_SEGMENTS);
const used = process.cpuUsage(start);
process.stdout.write(JSON.stringify(((used.user + used.system) * 1000) / MEASURED_SEGMENTS));
