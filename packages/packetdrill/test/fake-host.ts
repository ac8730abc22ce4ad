import { composeFrame, type DecodedFrame, decodeFrame, type FrameLayers } from '@netmem/wire';
import type { HostSockets, HostTcpInfo, PacketdrillHost, ScriptNetwork, TransmittedFrame } from '../src/index.ts';

/** The stack's initial sequence number: near the end, so that everything wraps. */
export const LOCAL_ISN = 0xfffffff0;
/** What the runner makes of the script's 0, see REMOTE_BASE. */
export const REMOTE_ISN = 0x7ff80000;

const MAC = '02:fa:4e:00:00:01';
const LOCAL = '192.168.0.1';
const REMOTE = '192.0.2.1';

/** What a fake stack does: its answers to frames and to system calls. */
export interface Behaviour {
  /** Called for each frame that the script injects. */
  readonly onFrame?: (frame: DecodedFrame, host: FakeHost) => void;
  readonly sockets?: (host: FakeHost) => HostSockets;
  readonly tcpInfo?: HostTcpInfo;
  readonly command?: (text: string) => boolean;
}

/** A stack in a test's hands: it sends what the test says, when the test says it, and does nothing by itself. */
export class FakeHost implements PacketdrillHost {
  nowNs = 5_000_000_000;
  readonly localMac: Uint8Array = new Uint8Array([0x02, 0xfa, 0x4e, 0, 0, 1]);
  readonly sockets: HostSockets;
  readonly injected: Uint8Array[] = [];
  network: ScriptNetwork | null = null;
  readonly #behaviour: Behaviour;
  readonly #startNs: number;
  readonly #due: { readonly atNs: number; readonly run: () => void }[] = [];
  readonly #sent: TransmittedFrame[] = [];

  constructor(behaviour: Behaviour = {}) {
    this.#behaviour = behaviour;
    this.#startNs = this.nowNs;
    this.sockets = behaviour.sockets?.(this) ?? {};
    if (behaviour.command === undefined) Object.assign(this, { command: undefined });
  }

  setUp(network: ScriptNetwork): void {
    this.network = network;
  }

  runUntil(timeNs: number): void {
    this.#due.sort((a, b) => a.atNs - b.atNs);
    const next = this.#due[0];
    if (next === undefined || next.atNs > timeNs) {
      this.nowNs = Math.max(this.nowNs, timeNs);
      return;
    }
    this.#due.shift();
    this.nowNs = Math.max(this.nowNs, next.atNs);
    next.run();
  }

  inject(frame: Uint8Array): void {
    this.injected.push(frame);
    const decoded = decodeFrame(frame);
    if (decoded !== null) this.#behaviour.onFrame?.(decoded, this);
  }

  takeTransmitted(): TransmittedFrame | null {
    return this.#sent.shift() ?? null;
  }

  tcpInfo(): HostTcpInfo | null {
    return this.#behaviour.tcpInfo ?? null;
  }

  command(text: string): boolean {
    return this.#behaviour.command?.(text) ?? false;
  }

  /** Does something `seconds` after the script's start. */
  at(seconds: number, run: () => void): void {
    this.#due.push({ atNs: this.#startNs + Math.round(seconds * 1e9), run });
  }

  /** Sends bytes now. */
  sendBytes(bytes: Uint8Array): void {
    this.#sent.push({ bytes, timeNs: this.nowNs });
  }

  /** Sends a packet to the script's side now. What layers leave out is as it should be. */
  send(layers: FrameLayers): void {
    this.sendBytes(
      composeFrame({
        ethernet: { source: MAC, destination: '02:70:64:00:00:01' },
        ...(layers.ipv6 ? {} : { ipv4: { source: LOCAL, destination: REMOTE, ...layers.ipv4 } }),
        ...layers,
        ...(layers.ipv4 ? { ipv4: { source: LOCAL, destination: REMOTE, ...layers.ipv4 } } : {}),
      }),
    );
  }

  /** Sends a segment of the default connection; numbers count as a script's. */
  sendTcp(
    fields: FrameLayers['tcp'] & { sequence?: number; acknowledgment?: number },
    ip: FrameLayers['ipv4'] = {},
  ): void {
    const { sequence = 0, acknowledgment = 0, ...rest } = fields;
    this.send({
      ipv4: ip,
      tcp: {
        sourcePort: 8080,
        destinationPort: 40_000,
        window: 1000,
        ...rest,
        sequence: (LOCAL_ISN + sequence) % 2 ** 32,
        acknowledgment: (REMOTE_ISN + acknowledgment) % 2 ** 32,
      },
    });
  }
}
