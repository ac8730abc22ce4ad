/** Bytes written as hex, with anything from `#` to the end of a line left out. */
function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/#.*$/gm, '').replace(/\s+/g, '');
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** A little-endian pcapng file: one interface in nanoseconds, an unknown block, two packets. */
export const PCAPNG_LITTLE: Uint8Array<ArrayBuffer> = hex(`
  0a0d0d0a 28000000           # section header, 40 bytes
  4d3c2b1a 0100 0000          # byte-order magic, version 1.0
  ffffffffffffffff            # section length unknown
  0400 0300 61707000          # shb_userappl "app"
  0000 0000                   # end of options
  28000000
  01000000 30000000           # interface description, 48 bytes
  0100 0000 00010000          # Ethernet, reserved, snap length 256
  0200 0400 65746830          # if_name "eth0"
  0300 0200 6e310000          # if_description "n1"
  0900 0100 09000000          # if_tsresol 10^-9
  0000 0000
  30000000
  ad0b0000 10000000           # a block of a kind nobody knows
  deadbeef
  10000000
  06000000 44000000           # enhanced packet, 68 bytes
  00000000                    # interface 0
  e5821718 f2ac287b           # 0x181782e57b28acf2 ns
  05000000 3c000000           # 5 of 60 bytes
  0102030405 000000
  0200 0400 01000000          # epb_flags: inbound
  0600 0400 07000000          # epb_queue 7
  0100 0300 68c3a900          # opt_comment "hé"
  0000 0000
  44000000
  06000000 24000000           # enhanced packet without data or options, 36 bytes
  00000000
  00000000 e8030000           # 1000 ns
  00000000 00000000
  0000 0000
  24000000
`);

/** A big-endian pcapng file: an interface in microseconds and an offset of 10 s, one in 1/1024 s, one packet of each. */
export const PCAPNG_BIG: Uint8Array<ArrayBuffer> = hex(`
  0a0d0d0a 0000001c
  1a2b3c4d 0001 0000
  ffffffffffffffff
  0000001c
  00000001 00000024           # interface description, 36 bytes
  0001 0000 00000000
  000e 0008 000000000000000a  # if_tsoffset 10 s
  0000 0000
  00000024
  00000001 00000020           # interface description, 32 bytes
  0071 0000 00000000          # Linux cooked
  0009 0001 8a000000          # if_tsresol 2^-10
  0000 0000
  00000020
  00000006 00000034           # enhanced packet, 52 bytes
  00000000
  00000000 0016e361           # 1,500,001 us
  00000004 00000004
  0a0b0c0d
  0002 0004 00000002          # epb_flags: outbound
  0001 0002 68690000          # opt_comment "hi", and no end of options
  00000034
  00000006 00000024           # enhanced packet, 36 bytes
  00000001
  00000000 00000c00           # 3072 / 1024 s
  00000001 00000001
  ff000000
  00000024
`);

/** A big-endian pcap file in microseconds with two packets. */
export const PCAP_BIG: Uint8Array<ArrayBuffer> = hex(`
  a1b2c3d4 0002 0004 00000000 00000000 00040000 00000001
  65000001 000f423f 00000003 00000040 010203    # 999,999 us, 3 of 64 bytes
  65000002 00000000 00000000 00000000
`);

/** A little-endian pcap file in nanoseconds with one packet; the link type says that frames end with a check sequence. */
export const PCAP_NANO: Uint8Array<ArrayBuffer> = hex(`
  4d3cb2a1 0200 0400 00000000 00000000 ffff0000 01000044
  01000065 ffc99a3b 02000000 02000000 0506
`);
