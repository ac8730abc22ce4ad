// A recorded transcript as lines that two runs of anything faithful have in common.

/** The lines of each case, by its number, without raw messages and acknowledgements. */
export function casesOf(text: string): Map<number, string[]> {
  const cases = new Map<number, string[]>();
  let lines: string[] | null = null;
  for (const line of text.split('\n')) {
    const heading = /^## (\d+)\. /.exec(line);
    if (heading !== null) {
      lines = [];
      cases.set(Number(heading[1]), lines);
    } else if (lines !== null && line.trim() !== '' && !/^ {2}(req|rsp)\[|^ {2}= /.test(line)) {
      lines.push(line.trim().replaceAll(/ +/g, ' '));
    }
  }
  return cases;
}

/**
 * Replaces what no two runs share: ids of pools, interfaces and NAPI instances, and net_iov numbers, which are renamed by first appearance. That an
 * offset is its net_iov's place plus what stands behind the `+` is checked on the way.
 */
export function renamed(lines: readonly string[]): string[] {
  const niovs = new Map<string, number>();
  return lines.map((line) =>
    line
      .replace(/off=(\d+)\(niov (\d+)\+(\d+)\)/, (_, offset: string, niov: string, within: string) => {
        if (Number(offset) !== Number(niov) * 4096 + Number(within)) throw new Error(`no such place: ${line}`);
        if (!niovs.has(niov)) niovs.set(niov, niovs.size);
        return `off=(niov ${niovs.get(niov)}+${within})`;
      })
      .replaceAll(/\b(id|ifindex|napi-id)=\d+(?=[,}])/g, (whole, name: string) =>
        line.startsWith('<- page-pool') ? `${name}=#` : whole,
      ),
  );
}
