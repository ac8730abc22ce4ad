import type { Region } from '@netmem/region';
import {
  readU64le,
  TX_COMPLETION_DESC_BYTES,
  TX_COMPLETION_TYPE_DESC,
  TX_COMPLETION_TYPE_PACKET,
  TX_DESC_BYTES,
  TX_DESC_DTYPE,
  TX_DESC_DTYPE_AT,
  TX_DTYPE_GENERAL_CONTEXT,
  TX_DTYPE_PACKET,
  TX_DTYPE_TSO_CONTEXT,
  TX_PACKET_BUF_SIZE,
  TX_PACKET_CHECKSUM_OFFLOAD_ENABLE,
  TX_PACKET_DESC,
  TX_PACKET_END_OF_PACKET,
  TX_PACKET_REPORT_EVENT,
  TX_TSO_CONTEXT_DESC,
  TX_TSO_CONTEXT_TSO,
  TX_TSO_MSS,
  TX_TSO_TOTAL_LEN,
} from './abi/index.ts';
import { TX_BUF_SIZE_MIN, TX_COMPLETION_BATCH, TX_DESC_BATCH } from './choices.ts';
import type { QueueContext } from './queue-context.ts';
import { TxQueueStats } from './stats.ts';
import { TxCompletionRing } from './tx-completion-ring.ts';
import { EMIT_BLOCKED, EMIT_DONE, EMIT_FAULT, TxEmitter } from './tx-emitter.ts';
import { TxPacket, WITHIN_LIMITS } from './tx-packet.ts';

const COMPLETION_RING = 'the card cannot reach its completion ring';

/** What CREATE_TX_QUEUE says, checked. */
export interface TxQueueParams {
  readonly block: number;
  readonly ring: number;
  readonly entries: number;
  readonly completionRing: number;
  readonly completionEntries: number;
}

/**
 * A transmit queue: fetches descriptors up to the tail, gathers one packet at a time, sends it, and completes it: a packet
 * completion with its tag, then a descriptor completion for each descriptor that asked for one, and only for those:
 * nothing else frees slots of the driver's ring.
 */
export class TxQueue {
  readonly id: number;
  readonly stats: TxQueueStats = new TxQueueStats();
  active = false;
  stopped = false;

  readonly #card: QueueContext;
  readonly #descs: Region;
  readonly #packet: TxPacket = new TxPacket();
  readonly #emitter: TxEmitter;
  readonly #completions: TxCompletionRing;
  #block = -1;
  #ring = 0;
  #mask = 0;
  #head = 0;
  #tail = 0;
  #emitting = false;
  #cached = 0;
  #cachedAt = 0;
  #epoch = -1;

  constructor(card: QueueContext, id: number) {
    this.#card = card;
    this.id = id;
    this.#descs = card.carve(TX_DESC_BATCH * TX_DESC_BYTES);
    this.#completions = new TxCompletionRing(card.dma, card.carve(TX_COMPLETION_BATCH * TX_COMPLETION_DESC_BYTES), id);
    this.#emitter = new TxEmitter(card, this.stats, id);
  }

  create(params: TxQueueParams): void {
    this.#block = params.block;
    this.#ring = params.ring;
    this.#mask = params.entries - 1;
    this.#completions.create(params.completionRing, params.completionEntries);
    this.#head = 0;
    this.#tail = 0;
    this.#packet.reserve(params.entries);
    this.#packet.clear();
    this.#emitting = false;
    this.#cached = 0;
    this.stopped = false;
    this.active = true;
  }

  destroy(): void {
    this.#emitter.abandon();
    this.active = false;
    this.stopped = false;
  }

  /** Takes up the doorbell. */
  takeUp(tail: number): void {
    this.#tail = tail & this.#mask;
  }

  /** Something is announced and not sent: more to do, unless the port is blocked. */
  get hasWork(): boolean {
    return !this.stopped && (this.#emitting || this.#head !== this.#tail);
  }

  /** Descriptors announced and not fetched yet. */
  get descriptorsPosted(): number {
    return (this.#tail - this.#head) & this.#mask;
  }

  get completionIndex(): number {
    return this.#completions.index;
  }

  /** Sends at most `budget` frames; returns how many were sent or dropped. */
  run(budget: number): number {
    let done = 0;
    while (done < budget && !this.stopped) {
      if (!this.#emitting) {
        if (!this.#collect()) break;
        this.#emitter.begin(this.#packet);
        this.#emitting = true;
      }
      const result = this.#emitter.step(this.#packet);
      if (result === EMIT_BLOCKED) break;
      done++;
      if (result === EMIT_FAULT) this.#stop('the card cannot reach a packet buffer');
      else if (result === EMIT_DONE) this.#finish();
    }
    if (!this.stopped && !this.#completions.flush()) this.#stop(COMPLETION_RING);
    return done;
  }

  /** Fetches descriptors until a packet is whole; false when there are no more, or the queue was stopped. */
  #collect(): boolean {
    const { epoch } = this.#card.dma;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#cached = 0;
    }
    while (this.#head !== this.#tail) {
      if (this.#cached === 0 && !this.#fetch()) return false;
      const desc = this.#cachedAt;
      this.#head = (this.#head + 1) & this.#mask;
      this.#cached--;
      this.#cachedAt = desc + TX_DESC_BYTES;
      const kind = this.#descs.view.getUint8(desc + TX_DESC_DTYPE_AT);
      const dtype = kind & TX_DESC_DTYPE;
      if (dtype === TX_DTYPE_PACKET) {
        if (!this.#packetDesc(desc, kind)) return false;
        if ((kind & TX_PACKET_END_OF_PACKET) !== 0) return this.#whole();
      } else if (!this.#contextDesc(desc, kind, dtype)) {
        return false;
      }
    }
    return false;
  }

  #packetDesc(desc: number, kind: number): boolean {
    const { view } = this.#descs;
    const packet = this.#packet;
    const length = view.getUint16(desc + TX_PACKET_DESC.bufSize, true) & TX_PACKET_BUF_SIZE;
    if (length < TX_BUF_SIZE_MIN) return this.#stop('an empty buffer');
    // The ring has one slot less than entries, so the driver could never add the rest of such a packet.
    if (packet.count >= this.#mask) return this.#stop('a packet as long as the ring');
    packet.addBuffer(readU64le(view, desc + TX_PACKET_DESC.bufAddr), length);
    // The last descriptor's: one driver sets tag and flags only there, the others on all.
    packet.tag = view.getUint16(desc + TX_PACKET_DESC.complTag, true);
    packet.checksumOffload = (kind & TX_PACKET_CHECKSUM_OFFLOAD_ENABLE) !== 0;
    if ((kind & TX_PACKET_REPORT_EVENT) !== 0) packet.addReport(this.#head);
    return true;
  }

  #contextDesc(desc: number, kind: number, dtype: number): boolean {
    const packet = this.#packet;
    if (packet.count > 0) return this.#stop('a context descriptor within a packet');
    if (dtype === TX_DTYPE_GENERAL_CONTEXT) {
      if (packet.hasGeneralContext) return this.#stop('two general contexts for one packet');
      // It carries a path hash for the fabric, which is none of this card's business.
      packet.hasGeneralContext = true;
      return true;
    }
    if (dtype !== TX_DTYPE_TSO_CONTEXT || (kind & TX_TSO_CONTEXT_TSO) === 0) {
      return this.#stop(`a descriptor of unknown type 0x${kind.toString(16)}`);
    }
    if (packet.tso) return this.#stop('two TSO contexts for one packet');
    const { view } = this.#descs;
    packet.tso = true;
    packet.tsoPayload = view.getUint32(desc + TX_TSO_CONTEXT_DESC.tsoTotalLen, true) & TX_TSO_TOTAL_LEN;
    packet.tsoMss = view.getUint16(desc + TX_TSO_CONTEXT_DESC.mss, true) & TX_TSO_MSS;
    packet.tsoHeader = view.getUint8(desc + TX_TSO_CONTEXT_DESC.headerLen);
    return true;
  }

  #whole(): boolean {
    const violation = this.#packet.violation();
    return violation === WITHIN_LIMITS ? true : this.#stop(violation);
  }

  #fetch(): boolean {
    const posted = (this.#tail - this.#head) & this.#mask;
    const toRingEnd = this.#mask + 1 - this.#head;
    let count = Math.min(posted, toRingEnd);
    if (count > TX_DESC_BATCH) count = TX_DESC_BATCH;
    const bytes = count * TX_DESC_BYTES;
    if (this.#card.dma.read(this.#ring + this.#head * TX_DESC_BYTES, this.#descs, 0, bytes) !== bytes) {
      return this.#stop('the card cannot reach its descriptor ring');
    }
    this.#cached = count;
    this.#cachedAt = this.#descs.base;
    return true;
  }

  #finish(): void {
    const packet = this.#packet;
    this.#emitting = false;
    this.stats.packets++;
    let written = this.#complete(TX_COMPLETION_TYPE_PACKET, packet.tag);
    for (let n = 0; written && n < packet.reports; n++) {
      written = this.#complete(TX_COMPLETION_TYPE_DESC, packet.reportHead(n));
    }
    packet.clear();
  }

  #complete(type: number, value: number): boolean {
    if (!this.#completions.write(type, value)) return this.#stop(COMPLETION_RING);
    this.#card.interrupts.touch(this.#block);
    return true;
  }

  /** Stops the queue, behind what was completed before. Always false, for callers that stop with it. */
  #stop(what: string): false {
    this.stopped = true;
    this.#completions.flush();
    this.#emitter.abandon();
    this.#packet.clear();
    this.#emitting = false;
    this.#card.fault('tx-queue-stopped', `transmit queue ${this.id}: ${what}`);
    return false;
  }
}
