/** Measures the Internet checksum over 4 KiB in linear memory: prints bytes per nanosecond as JSON. */
import { LinearMemory } from '@netmem/region';
import { createChecksum } from '@netmem/wire';

const BLOCK_BYTES = 4096;
/** More than one block, so that it is not always the same cache lines. */
const BLOCKS = 16;
const LOOPS = 200_000;

const memory = new LinearMemory(1 << 20);
const region = memory.carve(BLOCKS * BLOCK_BYTES, BLOCK_BYTES);
region.bytes.fill(0xa5, region.base, region.base + region.length);
const checksum = createChecksum(memory);

let sink = 0;
function loop(loops: number): void {
  for (let i = 0; i < loops; i++) sink ^= checksum.sum(region.base + (i % BLOCKS) * BLOCK_BYTES, BLOCK_BYTES);
}

loop(LOOPS);
// Of the processor, not of the clock: somebody else may want it too.
const start = process.cpuUsage();
loop(LOOPS);
const { user, system } = process.cpuUsage(start);
const ns = (user + system) * 1000;
process.stdout.write(JSON.stringify(sink === -1 ? 0 : (LOOPS * BLOCK_BYTES) / ns));
