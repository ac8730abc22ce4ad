import { CONTEXT_HARDIRQ, CONTEXT_SOFTIRQ } from '../context/execution-context.ts';
import type { TraceEvent } from './tracepoints.ts';

/** First lines of an ftrace text file. Perfetto and trace-cmd tell the format by them. */
export const FTRACE_HEADER = `# tracer: nop
#
#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION
#              | |         |   |||||     |         |
`;

function contextFlag(context: number): string {
  if (context === CONTEXT_HARDIRQ) return 'h';
  return context === CONTEXT_SOFTIRQ ? 's' : '.';
}

/** Seconds with six decimals, as ftrace prints time stamps: microseconds are all its text format has. */
function formatSeconds(ns: number): string {
  const us = Math.floor(ns / 1000);
  return `${Math.floor(us / 1e6)}.${String(us % 1e6).padStart(6, '0')}`;
}

/**
 * One event as a line of ftrace's text format, without line end: what `--trace` writes after {@link FTRACE_HEADER}, and what
 * Perfetto opens. Values are decimal.
 */
export function formatFtrace(event: TraceEvent): string {
  const pairs = event.fields.map((field, i) => `${field}=${event.values[i]}`).join(' ');
  const cpu = String(event.cpu).padStart(3, '0');
  const at = formatSeconds(event.timeNs).padStart(13);
  return `          <idle>-0       [${cpu}] ..${contextFlag(event.context)}.. ${at}: ${event.name}: ${pairs}`;
}
