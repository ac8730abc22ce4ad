import {
  TX_DTYPE_GENERAL_CONTEXT,
  TX_DTYPE_PACKET,
  TX_DTYPE_TSO_CONTEXT,
  TX_GENERAL_CONTEXT_DESC,
  TX_PACKET_DESC,
  TX_TSO_CONTEXT_DESC,
  TX_TSO_CONTEXT_TSO,
  writeU64le,
} from '@netmem/vnic/abi';

/** 15 bits of path hash; 0 means "none". */
const PATH_HASH = 0x7fff;

/** A descriptor for one buffer of at most TX_BUF_SIZE_MAX bytes. `flags`: TX_PACKET_ bits. */
export function writePacketDescriptor(
  view: DataView,
  at: number,
  address: number,
  length: number,
  tag: number,
  flags: number,
): void {
  writeU64le(view, at + TX_PACKET_DESC.bufAddr, address);
  view.setUint32(at + TX_PACKET_DESC.dtype, TX_DTYPE_PACKET | flags, true);
  view.setUint16(at + TX_PACKET_DESC.complTag, tag, true);
  view.setUint16(at + TX_PACKET_DESC.bufSize, length, true);
}

/** The descriptor that turns what follows into a TCP segmentation. */
export function writeTsoContext(
  view: DataView,
  at: number,
  payloadBytes: number,
  mss: number,
  headerBytes: number,
): void {
  writeU64le(view, at, 0);
  writeU64le(view, at + 8, 0);
  view.setUint32(at + TX_TSO_CONTEXT_DESC.tsoTotalLen, payloadBytes, true);
  view.setUint16(at + TX_TSO_CONTEXT_DESC.mss, mss, true);
  view.setUint8(at + TX_TSO_CONTEXT_DESC.headerLen, headerBytes);
  view.setUint8(at + TX_TSO_CONTEXT_DESC.dtype, TX_DTYPE_TSO_CONTEXT | TX_TSO_CONTEXT_TSO);
}

/** The descriptor with metadata: version 0, and the flow's path hash where the stack knows the flow. */
export function writeGeneralContext(view: DataView, at: number, hash: number, l4Hash: boolean): void {
  let path = 0;
  if (l4Hash) {
    path = (hash ^ (hash >>> 16)) & PATH_HASH;
    if (path === 0) path = PATH_HASH;
  }
  writeU64le(view, at, 0);
  writeU64le(view, at + 8, 0);
  view.setUint8(at + TX_GENERAL_CONTEXT_DESC.dtype, TX_DTYPE_GENERAL_CONTEXT);
  // Metadata bytes 1 and 2, little-endian; byte 0 is the version.
  view.setUint16(at + TX_GENERAL_CONTEXT_DESC.flex0 + 1, path, true);
}
