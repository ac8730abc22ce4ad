import { Session } from 'node:inspector/promises';

(globalThis as any).__NETMEM_PRODUCTION__ = true;
const { InProcessPath } = await import('./in-process.ts');
const p = new InProcessPath();
p.run(400_000);
const s = new Session();
s.connect();
await s.post('HeapProfiler.enable');
await s.post('HeapProfiler.startSampling', {
  samplingInterval: 256,
  includeObjectsCollectedByMajorGC: true,
  includeObjectsCollectedByMinorGC: true,
} as any);
p.run(300_000);
const { profile } = (await s.post('HeapProfiler.stopSampling')) as any;
const out: [number, string][] = [];
(function walk(n: any, path: string) {
  const k =
    n.callFrame.functionName + ' ' + n.callFrame.url.split('/').slice(-2).join('/') + ':' + n.callFrame.lineNumber;
  if (n.selfSize) out.push([n.selfSize, k + '  <- ' + path]);
  for (const c of n.children) walk(c, n.callFrame.functionName);
})(profile.head, '');
out.sort((a, b) => b[0] - a[0]);
for (const [v, k] of out.slice(0, 25)) console.log((v / 300000).toFixed(3), k);
