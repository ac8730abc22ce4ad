/** Tracepoints into a file, as ftrace text: what `trace-cmd report` would print. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { formatFtrace, type Machine } from '@netmem/machine';

const FLUSH_LINES = 1000;

/** Subscribes to every tracepoint of a machine. Returns what ends the trace and closes the file. */
export function openTrace(machine: Machine, path: string): () => void {
  const fd = openSync(path, 'w');
  writeSync(fd, '# tracer: nop\n#\n#           TASK-PID     CPU#     TIMESTAMP  FUNCTION\n');
  let lines: string[] = [];
  const flush = (): void => {
    if (lines.length > 0) writeSync(fd, `${lines.join('\n')}\n`);
    lines = [];
  };
  const unsubscribe = machine.trace.subscribe('*', (event) => {
    if (lines.push(formatFtrace(event)) >= FLUSH_LINES) flush();
  });
  return () => {
    unsubscribe();
    flush();
    closeSync(fd);
  };
}
