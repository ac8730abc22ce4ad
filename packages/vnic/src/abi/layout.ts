/** Structures as data: a field's name, byte offset, width and, for parts of a word, its bits. */

/** `u64` is two 32-bit halves to the code that reads it; nobody makes a bigint. */
export type FieldType = 'u8' | 'u16' | 'u32' | 'u64' | `bytes[${number}]`;

/** `[offset, type]`, or `[offset, type, lowest bit, number of bits]` for a part of the unit at that offset. */
export type FieldSpec =
  | readonly [offset: number, type: FieldType]
  | readonly [offset: number, type: FieldType, lowBit: number, bits: number];

/** One field, as tools (a tracer, a table in the documentation) want it. */
export interface LayoutField {
  readonly name: string;
  readonly offset: number;
  readonly type: FieldType;
  readonly bytes: number;
  /** 0 for a whole unit. */
  readonly lowBit: number;
  /** 8 × bytes for a whole unit. */
  readonly bits: number;
}

/** The description behind a layout. */
export interface LayoutInfo {
  readonly name: string;
  readonly order: 'big' | 'little';
  readonly sizeBytes: number;
  readonly fields: readonly LayoutField[];
}

/**
 * A structure whose properties are byte offsets (`RX_BUFFER_DESC.bufAddr` is 8), so that code reads a field with a plain
 * DataView call and no allocation; `$` holds the whole description.
 */
export type Layout<F extends string> = { readonly [K in F]: number } & { readonly $: LayoutInfo };

/** Bytes that a field of this type occupies. */
export function fieldBytes(type: FieldType): number {
  if (type === 'u8') return 1;
  if (type === 'u16') return 2;
  if (type === 'u32') return 4;
  if (type === 'u64') return 8;
  return Number(type.slice(6, -1));
}

/** Builds a {@link Layout}; `sizeBytes` is the distance from one structure of its kind to the next. */
export function layout<const F extends Record<string, FieldSpec>>(
  name: string,
  order: 'big' | 'little',
  sizeBytes: number,
  fields: F,
): Layout<keyof F & string> {
  const offsets: Record<string, unknown> = {};
  const described: LayoutField[] = [];
  for (const [field, spec] of Object.entries(fields)) {
    const [offset, type, lowBit, bits] = spec;
    const bytes = fieldBytes(type);
    offsets[field] = offset;
    described.push({ name: field, offset, type, bytes, lowBit: lowBit ?? 0, bits: bits ?? bytes * 8 });
  }
  offsets.$ = { name, order, sizeBytes, fields: described } satisfies LayoutInfo;
  return Object.freeze(offsets) as Layout<keyof F & string>;
}
