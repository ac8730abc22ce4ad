import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Application, Converter, ReflectionKind } from 'typedoc';

/** A typedoc plugin: a module is called what a user imports, not where its file lies. */
export function load(app: Application): void {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const module of context.project.children ?? []) {
      const path = module.sources?.[0]?.fullFileName;
      if (path && module.kind === ReflectionKind.Module) module.name = importName(path);
    }
  });
}

/** `packages/vnic/src/abi/index.ts` → `@netmem/vnic/abi`. */
function importName(path: string): string {
  const parts = path.split(/[\\/]/);
  const src = parts.lastIndexOf('src');
  const manifest = join('/', ...parts.slice(0, src), 'package.json');
  const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name: string };
  return join(name, dirname(parts.slice(src + 1).join('/')));
}
