/** Told about a socket's readiness. Both socket kinds use it. */
export interface SockListener {
  /** State, error or shutdown mask changed. @kernel sk_state_change */
  stateChanged(sock: object): void;
  /** The receive queue or (a listener's) accept queue grew, or its end came. @kernel sk_data_ready */
  readable(sock: object): void;
  /** Send-buffer space came free. @kernel sk_write_space */
  writable(sock: object): void;
  /** The sock left the protocol for good; called once. Per-socket tables (devmem tokens) are released now. @kernel sk_destruct */
  destroyed(sock: object): void;
}
