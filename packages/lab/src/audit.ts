import type { Host } from './host.ts';

/**
 * What a host still holds, one sentence each; empty is clean. After sockets, bindings and device are closed and pools drained it has to be:
 * hold equals release over every pool ever made, no live DMA mapping, every net_iov back with its provider, every token back, and no log entry
 * that nobody expected.
 */
export function auditHost(host: Host): readonly string[] {
  const { machine, network, pools, devmem, stack } = host;
  const findings = [...stack.audit(), ...devmem.audit(), ...network.audit(), ...pools.audit(), ...machine.audit()];
  return findings.map((finding) => `${host.name}: ${finding}`);
}
