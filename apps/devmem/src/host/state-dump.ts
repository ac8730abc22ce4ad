/** Where everything stands, for a person who wonders why nothing moves. */
import type { Host } from '@netmem/lab';

/** One line per pool and per binding, and what the log holds. */
export function describeState(host: Host): string {
  const lines = [`State of ${host.name}:`];
  for (const pool of host.pools.all()) {
    const { allocEmpty } = { allocEmpty: pool.stats.allocEmpty };
    lines.push(
      `  page pool ${pool.id}: ${pool.inflight()} in flight, ${pool.isUnreadable ? 'device memory' : 'pages'}, ring found empty ${allocEmpty} times`,
    );
  }
  for (const finding of host.audit()) lines.push(`  ${finding}`);
  for (const { name, value } of host.ethtool.getStats(host.device)) {
    if (value !== 0) lines.push(`  ${name}: ${value}`);
  }
  return lines.join('\n');
}
