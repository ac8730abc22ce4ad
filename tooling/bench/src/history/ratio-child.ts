/**
 * One round of the times that are measured inside a process, as JSON. Path and yardstick, checksum and copy take turns of a few milliseconds, and the
 * least of each is taken: a neighbour that takes the machine away falls on both, and some turns are left alone.
 *
 * The build is decided before the packages are loaded, which is why they are imported late.
 */
(globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ = true;
const { InProcessPath } = await import('../path/in-process.ts');
const { LinearMemory } = await import('@netmem/region');
const { createChecksum } = await import('@netmem/wire');
const { Yardstick } = await import('./yardstick.ts');

const WARM_UP_SEGMENTS = 250_000;
const WARM_UP_UNITS = 100_000;
const TURNS = 40;
const SEGMENTS_PER_TURN = 8000;
const UNITS_PER_TURN = 6000;
const BLOCK_BYTES = 4096;
const BLOCKS = 64;
const BLOCKS_PER_TURN = 40_000;

let sink = 0;

/** CPU time of one turn, in nanoseconds: time in which somebody else ran is not in it. */
function cpuNs(work: () => number): number {
  const start = process.cpuUsage();
  sink ^= work();
  const used = process.cpuUsage(start);
  return (used.user + used.system) * 1000;
}

function times(): unknown {
  const path = new InProcessPath();
  const yardstick = new Yardstick();
  const memory = new LinearMemory(1 << 20);
  const region = memory.carve(BLOCKS * BLOCK_BYTES, BLOCK_BYTES);
  region.bytes.fill(0xa5, region.base, region.base + region.length);
  const checksum = createChecksum(memory);
  const block = (i: number): number => region.base + (i % BLOCKS) * BLOCK_BYTES;
  const sums = (): number => {
    let sum = 0;
    for (let i = 0; i < BLOCKS_PER_TURN; i++) sum ^= checksum.sum(block(i), BLOCK_BYTES);
    return sum;
  };
  const { bytes } = region;
  const copies = (): number => {
    for (let i = 0; i < BLOCKS_PER_TURN; i++) bytes.copyWithin(block(i + 1), block(i), block(i) + BLOCK_BYTES);
    return bytes[block(0)] as number;
  };
  sink ^= path.run(WARM_UP_SEGMENTS) ^ yardstick.run(WARM_UP_UNITS) ^ sums() ^ copies();
  const least = { packet: Infinity, yardstick: Infinity, checksum: Infinity, copy: Infinity };
  for (let turn = 0; turn < TURNS; turn++) {
    least.packet = Math.min(least.packet, cpuNs(() => path.run(SEGMENTS_PER_TURN)) / SEGMENTS_PER_TURN);
    least.yardstick = Math.min(least.yardstick, cpuNs(() => yardstick.run(UNITS_PER_TURN)) / UNITS_PER_TURN);
    if (turn % 4 !== 0) continue;
    least.checksum = Math.min(least.checksum, cpuNs(sums) / BLOCKS_PER_TURN);
    least.copy = Math.min(least.copy, cpuNs(copies) / BLOCKS_PER_TURN);
  }
  // Printed only so that the optimiser has to do the sums.
  return { ...least, sink };
}

process.stdout.write(JSON.stringify(times()));
