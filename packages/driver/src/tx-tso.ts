import type { SkBuff } from '@netmem/netdev';
import { TSO_HEADER_MAX, TSO_MSS_MAX, TSO_MSS_MIN, TSO_PAYLOAD_MAX, TX_DATA_DESCS_MAX } from '@netmem/vnic/abi';
import { tcp } from '@netmem/wire';

/** Bytes of the headers that are repeated in front of every segment. */
export function tsoHeaderBytes(view: DataView, skb: SkBuff): number {
  return skb.transportHeader - skb.data + tcp.headerLength(view, skb.transportHeader);
}

/**
 * Whether the card can segment it: its sizes fit, and every segment lies in at most nine buffers beside its header.
 *
 * @kernel gve_can_send_tso — drivers/net/ethernet/google/gve/gve_tx_dqo.c, 7.3
 */
export function isSendableTso(view: DataView, skb: SkBuff): boolean {
  const header = tsoHeaderBytes(view, skb);
  if (header > TSO_HEADER_MAX || header > skb.headlen || skb.len - header > TSO_PAYLOAD_MAX) return false;
  if (skb.gsoSize < TSO_MSS_MIN || skb.gsoSize > TSO_MSS_MAX) return false;
  // Bytes of the current segment so far, and the buffers they take; payload may begin in the linear part.
  let filled = (skb.headlen - header) % skb.gsoSize;
  let buffers = filled > 0 ? 1 : 0;
  for (let i = 0; i < skb.nrFrags; i++) {
    let left = skb.fragSize(i);
    while (left > 0) {
      if (++buffers > TX_DATA_DESCS_MAX - 1) return false;
      const take = Math.min(left, skb.gsoSize - filled);
      filled += take;
      left -= take;
      if (filled === skb.gsoSize) {
        filled = 0;
        buffers = 0;
      }
    }
  }
  return true;
}

/**
 * Takes the length out of the pseudo-header sum in the TCP header: the card adds each segment's own.
 *
 * @kernel gve_prep_tso — drivers/net/ethernet/google/gve/gve_tx_dqo.c, 7.3
 */
export function removeLengthFromPseudoSum(view: DataView, skb: SkBuff): void {
  const at = skb.transportHeader + tcp.CHECKSUM_AT;
  const length = skb.len - (skb.transportHeader - skb.data);
  // Subtracting in ones' complement is adding the complement; two folds because each sum may carry.
  const folded = (length & 0xffff) + (length >>> 16);
  let sum = view.getUint16(at) + (~folded & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(at, sum);
}
