/**
 * A programmer's error: a rule that code on this machine must keep was broken. Never the answer to bad input.
 *
 * `rule` names what was broken in a few words that stay stable (tests match on it); the message adds the particulars.
 */
export class KernelBug extends Error {
  readonly rule: string;
  /** The netmem_ref it is about, where it is about one. */
  readonly ref: number | null;

  constructor(rule: string, detail: string, ref?: number) {
    super(`${rule}: ${detail}`);
    this.name = 'KernelBug';
    this.rule = rule;
    this.ref = ref ?? null;
  }
}
