/** Figures of a run: time and processor time from the first SYN to the last byte, and the counters that should be zero. */
import type { Host } from '@netmem/lab';
import { round3 } from '../quantities.ts';

/** How fast it went. */
export interface Figures {
  /** From the first SYN to the last byte, of real time. */
  readonly seconds: number;
  readonly gbit_per_s: number;
  /** Per second of processor time that receiver and sender used together in that span. */
  readonly gbit_per_cpu_s: number;
  readonly receiver_cpu_s: number;
  readonly sender_cpu_s: number;
}

/** Starts at the first SYN that the stack took, ends with the last byte. */
export class Measurement {
  readonly #host: Host;
  #startMs = 0;
  #endMs = 0;
  #startCpu: NodeJS.CpuUsage = { user: 0, system: 0 };
  #cpuSeconds = 0;
  #bytes = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  /** A connection came, or bytes did; `bytes` counts all so far. */
  received(bytes: number): void {
    if (this.#startMs === 0) {
      this.#startMs = performance.now();
      this.#startCpu = process.cpuUsage();
    }
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#endMs = performance.now();
    }
  }

  /** Nothing more will come. */
  end(bytes: number): void {
    this.#bytes = bytes;
    if (this.#endMs === 0) this.#endMs = performance.now();
    const used = process.cpuUsage(this.#startCpu);
    this.#cpuSeconds = this.#startMs === 0 ? 0 : (used.user + used.system) / 1e6;
  }

  figures(senderCpuSeconds: number): Figures {
    const seconds = this.#startMs === 0 ? 0 : (this.#endMs - this.#startMs) / 1000;
    const gbit = (this.#bytes * 8) / 1e9;
    const cpu = this.#cpuSeconds + senderCpuSeconds;
    return {
      seconds: round3(seconds),
      gbit_per_s: seconds > 0 ? round3(gbit / seconds) : 0,
      gbit_per_cpu_s: cpu > 0 ? round3(gbit / cpu) : 0,
      receiver_cpu_s: round3(this.#cpuSeconds),
      sender_cpu_s: round3(senderCpuSeconds),
    };
  }

  /** What was counted up to now: ask before the host is taken down. */
  counters(): { linearBytes: number; iommuFaults: number; drops: number; warnings: number } {
    const { stack, machine, pciFunction } = this.#host;
    const { sockets } = stack;
    return {
      linearBytes: sockets.devmem.linearBytes + sockets.copiedBytes,
      iommuFaults: pciFunction.dma.faults,
      drops: countDrops(this.#host),
      warnings: machine.log.unexpected().length,
    };
  }
}

/** Frames and segments that card, driver and sockets threw away on the receive side. */
function countDrops(host: Host): number {
  const { nic, driver, stack } = host;
  let drops = 0;
  for (const queue of nic.stats.rx) drops += queue.dropped;
  for (const queue of driver.rxStats)
    drops += queue.descErrDropped + queue.unreadableHeaderDropped + queue.skbAllocFail;
  const { TcpExtTCPRcvQDrop, TcpExtTCPOFODrop, TcpExtTCPBacklogDrop, TcpExtListenDrops } = stack.stats;
  return drops + TcpExtTCPRcvQDrop + TcpExtTCPOFODrop + TcpExtTCPBacklogDrop + TcpExtListenDrops;
}
