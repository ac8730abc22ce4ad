/** Told about a socket's readiness. Both socket kinds use it. */
export interface SockListener {
  /** State, error or shutdown mask changed. @kernel sk_state_change — include/net/sock.h, 7.3 */
  stateChanged(sock: object): void;
  /** The receive queue or (a listener's) accept queue grew, or its end came. @kernel sk_data_ready — include/net/sock.h, 7.3 */
  readable(sock: object): void;
  /** Send-buffer space came free. @kernel sk_write_space — include/net/sock.h, 7.3 */
  writable(sock: object): void;
  /** The sock left the protocol for good; called once. Per-socket tables (devmem tokens) are released now. @kernel sk_destruct — include/net/sock.h, 7.3 */
  destroyed(sock: object): void;
}
