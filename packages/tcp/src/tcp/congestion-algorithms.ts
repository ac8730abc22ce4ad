/** The congestion control algorithms there are, and which one a connection has. */
import { ENOENT } from '@netmem/uapi';
import type { CongestionAlgorithm } from './congestion-control.ts';
import { CUBIC } from './cubic.ts';
import { RENO } from './newreno.ts';
import type { TcpSock } from './tcp-sock.ts';
import { TCP_CLOSE, TCP_LISTEN } from './tcp-states.ts';

const ALGORITHMS: ReadonlyMap<string, CongestionAlgorithm> = new Map(
  [RENO, CUBIC].map((algorithm) => [algorithm.name, algorithm]),
);

/** A fresh sock gets the default of the stack. @kernel tcp_assign_congestion_control — net/ipv4/tcp_cong.c, 7.3 */
export function assignCongestionControl(sk: TcpSock): void {
  install(sk, ALGORITHMS.get(sk.stack.sysctl.tcpCongestionControl) ?? RENO);
}

/** A connection gets its listener's if the user chose that. @kernel tcp_ca_openreq_child — net/ipv4/tcp_minisocks.c, 7.3 */
export function inheritCongestionControl(child: TcpSock, listener: TcpSock): void {
  if (!listener.cong.chosen) return;
  child.cong.chosen = true;
  install(child, ALGORITHMS.get(listener.cong.control.name) ?? RENO);
}

/**
 * TCP_CONGESTION.
 *
 * @returns 0; -ENOENT no such algorithm.
 * @kernel tcp_set_congestion_control — net/ipv4/tcp_cong.c, 7.3
 */
export function setCongestionControl(sk: TcpSock, name: string): number {
  const algorithm = ALGORITHMS.get(name);
  if (algorithm === undefined) return -ENOENT;
  sk.cong.chosen = true;
  if (algorithm.name === sk.cong.control.name) return 0;
  install(sk, algorithm);
  if (sk.state !== TCP_CLOSE && sk.state !== TCP_LISTEN) initCongestionControl(sk);
  return 0;
}

/** The connection begins, or another algorithm takes it over. @kernel tcp_init_congestion_control — net/ipv4/tcp_cong.c, 7.3 */
export function initCongestionControl(sk: TcpSock): void {
  sk.cong.priorSsthresh = 0;
  sk.cong.control.init();
}

function install(sk: TcpSock, algorithm: CongestionAlgorithm): void {
  sk.cong.control = algorithm.create(sk);
}
