// Connections from the peer into the host's device memory that go on while something happens to the network, the card, the queues or the reader.

import { EAGAIN } from '@netmem/uapi';
import { expect } from 'vitest';
import type { BoundMemory, Pair } from '../../src/index.ts';
import { DevmemStream, distinctBytes, type Held, HOST, HOST6, PORT, settle } from '../devmem-stream.ts';
import { Answer } from './answer.ts';
import { SPARE_NIOVS } from './fault-pair.ts';
import { LandedBytes } from './landed-bytes.ts';

const NIOV_BYTES = 4096;
/** Of a pair's spare net_iovs, what may wait in sockets: the rest is for what arrives while a hole waits for its retransmission. SO_RCVBUF is doubled. */
const RECEIVE_BUFFER_SHARE = 3 / 8;
const PATIENCE_NS = 600e9;
const IOV_BYTES = 1 << 18;

/** What {@link Traffic} sends. */
export interface TrafficOptions {
  /** Connections at once, spread over the bound queues. Default 1. */
  readonly connections?: number;
  /** Of each. */
  readonly bytes: number;
  /** SO_RCVBUFFORCE. Default: what fits the dma-buf. */
  readonly receiveBuffer?: number;
  /** Bytes that one recvmsg may deliver. Default 256 KiB. */
  readonly iovBytes?: number;
  /** Of the first connection; the others have the ports behind it. */
  readonly port?: number;
  /** Flow rules take them to the bound queues. Default true. */
  readonly steered?: boolean;
  /** Every second connection is over IPv6: of a {@link faultPair}. Default false. */
  readonly mixed?: boolean;
  /** Bytes that the host sends over each connection meanwhile. Default none. */
  readonly answerBytes?: number;
}

/** One connection and how far it is. */
export class Flow {
  readonly stream: DevmemStream;
  readonly bytes: Uint8Array;
  readonly landed: LandedBytes;
  readonly answer: Answer;
  sent: number = 0;
  finished: boolean = false;
  ended: boolean = false;
  /** Why receiving ended early, as a negative errno. */
  error: number = 0;

  constructor(stream: DevmemStream, bytes: Uint8Array, answerBytes: number) {
    this.stream = stream;
    this.bytes = bytes;
    this.landed = new LandedBytes(bytes);
    this.answer = new Answer(stream, answerBytes);
  }
}

/** Several connections, and the two applications at their ends. */
export class Traffic {
  readonly pair: Pair;
  /** By binding id. */
  readonly #memories: Map<number, BoundMemory> = new Map();
  readonly flows: readonly Flow[];
  /** The receiver reads. */
  reading: boolean = true;
  /** The receiver returns tokens after it looked at the bytes. */
  returning: boolean = true;
  /** Recvmsg calls per connection and turn. */
  callsPerTurn: number = Number.POSITIVE_INFINITY;

  /** Connects. */
  constructor(pair: Pair, options: TrafficOptions) {
    const { memory } = pair.host;
    if (memory === null) throw new Error('no device memory');
    const { connections = 1, bytes, iovBytes = IOV_BYTES, port = PORT, steered = true, answerBytes = 0 } = options;
    const { mixed = false } = options;
    const receiveBuffer =
      options.receiveBuffer ?? Math.floor((SPARE_NIOVS * NIOV_BYTES * RECEIVE_BUFFER_SHARE) / connections);
    this.pair = pair;
    this.knows(memory);
    this.flows = Array.from({ length: connections }, (_, i) => {
      const queue = steered ? (memory.queues[i % memory.queues.length] as number) : null;
      const address = mixed && i % 2 === 1 ? HOST6 : HOST;
      const stream = new DevmemStream(pair, { address, port: port + i, queue, receiveBuffer, iovBytes });
      return new Flow(stream, distinctBytes(bytes + 977 * i).subarray(977 * i), answerBytes);
    });
  }

  /** Fragments may lie in this memory, too. */
  knows(memory: BoundMemory): void {
    this.#memories.set(memory.id, memory);
  }

  /** Bytes that all receivers have. */
  get received(): number {
    return this.flows.reduce((sum, { landed }) => sum + landed.position, 0);
  }

  get total(): number {
    return this.flows.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  get ended(): boolean {
    return this.flows.every((flow) => flow.ended && (flow.answer.done || flow.error < 0));
  }

  /** One turn of both applications. True when every stream has ended. */
  turn(): boolean {
    for (const flow of this.flows) {
      this.#send(flow);
      flow.answer.turn();
      if (this.reading && !flow.ended) this.#receive(flow);
    }
    return this.ended;
  }

  /** On until that share of all bytes came. */
  runToShare(share: number): void {
    this.runUntil(() => this.received >= share * this.total, `${share} of ${this.total} bytes`);
  }

  /** On for that long, whatever comes. */
  runFor(ns: number): void {
    this.pair.run({
      timeoutNs: ns,
      until: () => {
        this.turn();
        return false;
      },
    });
  }

  /** On until every stream has ended, with a pause after each look that found something. */
  runSlowlyToEnd(pauseNs: number): void {
    while (!this.ended) {
      const { received } = this;
      this.reading = true;
      this.runUntil(() => this.received > received || this.ended, 'the next byte');
      this.reading = false;
      this.runFor(pauseNs);
    }
  }

  /** On until every stream has ended. */
  runToEnd(): void {
    this.runUntil(() => this.ended, 'the end');
  }

  /** On until `reached` holds. @throws Error when it does not within ten minutes. */
  runUntil(reached: () => boolean, what: string): void {
    const until = (): boolean => {
      this.turn();
      return reached();
    };
    if (this.pair.run({ until, timeoutNs: PATIENCE_NS })) return;
    const states = this.flows.map((flow) => `${flow.landed.position} of ${flow.bytes.length}`);
    throw new Error(`${what} was not reached; connections have ${states.join(', ')} bytes`);
  }

  /** Every byte came, where it should; every token went back. */
  expectIntact(linear: number = 0): void {
    const total = { devmem: 0, linear: 0, issued: 0, returned: 0 };
    for (const [i, { landed, stream, bytes, error, answer }] of this.flows.entries()) {
      expect([i, answer.mismatchAt, answer.received]).toEqual([i, -1, answer.bytes.length]);
      expect({ i, at: landed.mismatchAt, bytes: landed.position, error }).toEqual({
        i,
        at: -1,
        bytes: bytes.length,
        error: 0,
      });
      total.devmem += stream.devmemBytes;
      total.linear += stream.linearBytes;
      total.issued += stream.tokensIssued;
      total.returned += stream.tokensReturned;
    }
    expect(total).toEqual({ devmem: this.total - linear, linear, issued: total.issued, returned: total.issued });
  }

  /** Every byte that a token stands for is where it was, although time went on. Of streams that were never given back a token. */
  expectStill(memory: BoundMemory): void {
    for (const { stream, bytes } of this.flows) {
      const landed = new LandedBytes(bytes);
      for (const range of stream.held) landed.inDevice(memory, range);
      expect([landed.mismatchAt, landed.position]).toEqual([-1, stream.devmemBytes]);
    }
  }

  /** Closes all sockets. */
  closeSockets(): void {
    for (const { stream } of this.flows) stream.closePeerSocket();
    this.pair.run();
    for (const { stream } of this.flows) stream.closeHostSockets();
  }

  /** Closes all sockets, waits for what TCP still has to say, takes both hosts down, and has them audited. */
  close(): void {
    this.closeSockets();
    settle(this.pair);
    expect(this.pair.close()).toEqual([]);
    // Nobody wrote, on a machine that is not coherent, to memory that a card was given.
    const { host, peer } = this.pair;
    expect([host.machine.iommu.overwrittenLines, peer.machine.iommu.overwrittenLines]).toEqual([0, 0]);
  }

  #memoryOf({ dmabufId }: Held): BoundMemory {
    const memory = this.#memories.get(dmabufId);
    if (memory === undefined) throw new Error(`nobody bound dma-buf ${dmabufId}`);
    return memory;
  }

  #send(flow: Flow): void {
    while (flow.sent < flow.bytes.length) {
      const sent = flow.stream.send(flow.bytes.subarray(flow.sent));
      if (sent <= 0) return;
      flow.sent += sent;
    }
    if (flow.finished) return;
    flow.finished = true;
    flow.stream.finish();
  }

  #receive(flow: Flow): void {
    const { stream, landed } = flow;
    for (let calls = 0; calls < this.callsPerTurn; calls++) {
      const linearBefore = stream.linearBytes;
      const heldBefore = stream.held.length;
      const result = stream.receive();
      if (result === -EAGAIN) return;
      if (result <= 0) {
        flow.ended = true;
        flow.error = result;
        return;
      }
      const linear = stream.linearBytes - linearBefore;
      if (linear > 0 && linear !== result) throw new Error(`one call mixed ${linear} linear bytes into ${result}`);
      if (linear > 0) landed.copied(stream.iov.subarray(0, linear));
      for (const range of stream.held.slice(heldBefore)) landed.inDevice(this.#memoryOf(range), range);
      if (this.returning) stream.returnTokens();
    }
  }
}
