import { describe, expect, it } from 'vitest';
import { ScaledPath } from './scaled-path.ts';

describe('the scaled path', () => {
  it.each([
    [1, 1],
    [4, 20],
    [64, 128],
  ])('moves every byte over %i queues and %i connections, and uses the queues it says', (queues, connections) => {
    const path = new ScaledPath(queues, connections);
    path.run(2000);
    expect(path.bytes).toBe(2000 * 1460);
    expect([...path.source.sent].reduce((sum, bytes) => sum + bytes, 0)).toBe(path.bytes);
    const used = path.host.nic.stats.rx.map((queue, id) => (queue.bytes > 10_000 ? id : -1)).filter((id) => id >= 0);
    expect(used.every((id) => id >= 1 && id <= queues)).toBe(true);
    expect(used.length).toBeGreaterThanOrEqual(Math.min(queues, connections, 3));
  });
});
