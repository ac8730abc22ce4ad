import type { MachineLog } from '@netmem/machine';

/** What is known of a batch after it is gone. */
export interface BatchRecord {
  readonly log: MachineLog;
  readonly tokens: number;
  /** Stack trace of the place that received it. */
  readonly where: string;
}

let registry: FinalizationRegistry<BatchRecord> | null = null;

function report(record: BatchRecord): void {
  record.log.warn(
    `a batch with ${record.tokens} tokens was dropped without release(); received ${record.where}`,
    'tcp',
  );
}

/** Has the log told when `batch` is collected before {@link forget} was called. Its tokens stay out: when it is collected is chance. */
export function watch(batch: object, record: BatchRecord): void {
  registry ??= new FinalizationRegistry(report);
  registry.register(batch, record, batch);
}

/** The batch was released. */
export function forget(batch: object): void {
  registry?.unregister(batch);
}
