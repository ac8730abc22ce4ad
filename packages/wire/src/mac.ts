const MAC_TEXT = /^[0-9a-f]{1,2}(?:([:-])[0-9a-f]{1,2})(?:\1[0-9a-f]{1,2}){4}$/i;

/** Bytes of an Ethernet address. */
export const MAC_BYTES = 6;

/**
 * Reads `'02:00:00:00:00:01'` (or with dashes).
 *
 * @returns six bytes, or null when the text is no Ethernet address.
 */
export function parseMac(text: string): Uint8Array<ArrayBuffer> | null {
  if (!MAC_TEXT.test(text)) return null;
  return Uint8Array.from(text.split(/[:-]/), (part) => Number.parseInt(part, 16));
}

/** Six bytes at `at` as lower-case `'02:00:00:00:00:01'`. */
export function formatMac(bytes: Uint8Array, at: number = 0): string {
  let text = '';
  for (let i = 0; i < MAC_BYTES; i++) text += (i === 0 ? '' : ':') + bytes[at + i].toString(16).padStart(2, '0');
  return text;
}
