import type { ScriptConfig } from '../config.ts';
import type { Script } from '../syntax/script.ts';
import { Descriptors } from './descriptors.ts';
import { describeFailure, type Failure, type FailureParts } from './failure.ts';
import { Flows } from './flow.ts';
import type { PacketdrillHost, ScriptNetwork } from './host.ts';
import { Timeline } from './timeline.ts';

/** One run of one script: what its players share. */
export class Session {
  readonly script: Script;
  readonly config: ScriptConfig;
  readonly host: PacketdrillHost;
  readonly network: ScriptNetwork;
  readonly timeline: Timeline;
  readonly flows: Flows = new Flows();
  readonly descriptors: Descriptors = new Descriptors();
  readonly failures: Failure[] = [];
  /** Every packet in order, one line each, as far as the script got. */
  readonly trace: string[] = [];
  /** Where the script's socket of each protocol is bound. */
  readonly boundPorts: { tcp: number; udp: number };
  /** Whether all that was written is the pattern. */
  patterned: boolean = true;
  /** A failure that ends the script happened. */
  stopped: boolean = false;

  constructor(script: Script, config: ScriptConfig, host: PacketdrillHost, network: ScriptNetwork) {
    this.script = script;
    this.config = config;
    this.host = host;
    this.network = network;
    this.timeline = new Timeline(host, network);
    this.boundPorts = { tcp: config.bindPort, udp: config.bindPort };
  }

  /** Notes a failure at a line of the script, and stops the script unless failures of its kind are not fatal. */
  fail(line: number, parts: FailureParts): void {
    const { script, config } = this;
    this.failures.push(describeFailure(script.name, line, script.lines[line - 1] ?? '', parts));
    const goesOn =
      (parts.kind === 'packet' && config.nonFatal.packet) || (parts.kind === 'syscall' && config.nonFatal.syscall);
    if (!goesOn) this.stopped = true;
  }
}
