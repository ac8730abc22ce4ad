/** One measured value: a number, or why there is none. */
export type Figure = number | { readonly value: null; readonly reason: string };

/** What a suite has found out. */
export interface SuiteResult {
  /** By name, `suite.figure_unit`: what `--json` prints. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** For people. */
  readonly text: string;
}

/** A benchmark that can be asked for by name. */
export interface Suite {
  readonly name: string;
  /** One line for the list of suites. */
  readonly title: string;
  /** `progress` takes a line for stderr. */
  run(progress: (line: string) => void): Promise<SuiteResult>;
}

/** The middle value; of two, their mean. NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A figure to so many decimals; no number becomes the reason. */
export function figure(value: number, reason: string, decimals: number = 3): Figure {
  return Number.isFinite(value) ? Number(value.toFixed(decimals)) : { value: null, reason };
}
