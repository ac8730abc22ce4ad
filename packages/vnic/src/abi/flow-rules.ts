/** Flow rules and receive-side scaling, big-endian (Linux: gve_adminq.h). */
import { type Layout, layout } from './layout.ts';

/** TCP over IPv4. */
export const FLOW_TYPE_TCPV4 = 0;
/** UDP over IPv4. */
export const FLOW_TYPE_UDPV4 = 1;
/** SCTP over IPv4. */
export const FLOW_TYPE_SCTPV4 = 2;
/** IPsec authentication header over IPv4. */
export const FLOW_TYPE_AHV4 = 3;
/** IPsec encapsulation over IPv4. */
export const FLOW_TYPE_ESPV4 = 4;
/** TCP over IPv6. */
export const FLOW_TYPE_TCPV6 = 5;
/** UDP over IPv6. */
export const FLOW_TYPE_UDPV6 = 6;
/** SCTP over IPv6. */
export const FLOW_TYPE_SCTPV6 = 7;
/** IPsec authentication header over IPv6; accepted and never matched. */
export const FLOW_TYPE_AHV6 = 8;
/** IPsec encapsulation over IPv6. */
export const FLOW_TYPE_ESPV6 = 9;

/** IPv4 addresses use the first word. `spi` (AH, ESP) shares its bytes with the ports. */
export const FLOW_SPEC: Layout<'srcIp' | 'dstIp' | 'srcPort' | 'dstPort' | 'spi' | 'tos'> = layout(
  'flow_spec',
  'big',
  40,
  {
    srcIp: [0, 'bytes[16]'],
    dstIp: [16, 'bytes[16]'],
    srcPort: [32, 'u16'],
    dstPort: [34, 'u16'],
    spi: [32, 'u32'],
    tos: [36, 'u8'],
  },
);

/** `action` is a receive queue's id. */
export const FLOW_RULE: Layout<'flowType' | 'action' | 'key' | 'mask'> = layout('flow_rule', 'big', 84, {
  flowType: [0, 'u16'],
  action: [2, 'u16'],
  key: [4, 'bytes[40]'],
  mask: [44, 'bytes[40]'],
});

/** Puts a rule at a location, in place of one that is there. */
export const FLOW_RULE_OP_ADD = 0;
/** Removes the rule at a location. */
export const FLOW_RULE_OP_DEL = 1;
/** Removes all rules. */
export const FLOW_RULE_OP_RESET = 2;

/** The inner command of EXTENDED_COMMAND. `location` is the rule's id. */
export const CONFIGURE_FLOW_RULE: Layout<'opcode' | 'rule' | 'location'> = layout('configure_flow_rule', 'big', 92, {
  opcode: [0, 'u16'],
  rule: [4, 'bytes[84]'],
  location: [88, 'u32'],
});

/** Asks for whole rules: QUERIED_FLOW_RULE. */
export const FLOW_RULE_QUERY_RULES = 0;
/** Asks for locations alone. */
export const FLOW_RULE_QUERY_IDS = 1;
/** Asks for the head of the reply alone. */
export const FLOW_RULE_QUERY_STATS = 2;

/** `opcode` is FLOW_RULE_QUERY_*; answers start at location `startingRuleId`. */
export const AQ_QUERY_FLOW_RULES: Layout<'opcode' | 'startingRuleId' | 'availableLength' | 'rulesBuffAddr'> = layout(
  'adminq_query_flow_rules',
  'big',
  64,
  { opcode: [8, 'u16'], startingRuleId: [12, 'u32'], availableLength: [16, 'u64'], rulesBuffAddr: [24, 'u64'] },
);

/** Head of the reply; `totalLength` is exactly 16 + n · entry. */
export const QUERY_FLOW_RULES_DESCRIPTOR: Layout<'numFlowRules' | 'maxFlowRules' | 'numQueriedRules' | 'totalLength'> =
  layout('query_flow_rules_descriptor', 'big', 16, {
    numFlowRules: [0, 'u32'],
    maxFlowRules: [4, 'u32'],
    numQueriedRules: [8, 'u32'],
    totalLength: [12, 'u32'],
  });

/** One entry of a FLOW_RULE_QUERY_RULES reply; an entry of a FLOW_RULE_QUERY_IDS reply is the BE32 location alone. */
export const QUERIED_FLOW_RULE: Layout<'location' | 'rule'> = layout('queried_flow_rule', 'big', 88, {
  location: [0, 'u32'],
  rule: [4, 'bytes[84]'],
});
/** Bytes of an entry of a FLOW_RULE_QUERY_IDS reply. */
export const QUERIED_FLOW_RULE_ID_BYTES = 4;

/** Addresses of IPv4. */
export const RSS_HASH_IPV4: number = 1 << 0;
/** Addresses and ports of TCP over IPv4. */
export const RSS_HASH_TCPV4: number = 1 << 1;
/** Addresses of IPv6. */
export const RSS_HASH_IPV6: number = 1 << 2;
/** As RSS_HASH_IPV6, with home addresses where there are any; this card does not look for them. */
export const RSS_HASH_IPV6_EX: number = 1 << 3;
/** Addresses and ports of TCP over IPv6. */
export const RSS_HASH_TCPV6: number = 1 << 4;
/** As RSS_HASH_TCPV6, with home addresses. */
export const RSS_HASH_TCPV6_EX: number = 1 << 5;
/** Addresses and ports of UDP over IPv4. */
export const RSS_HASH_UDPV4: number = 1 << 6;
/** Addresses and ports of UDP over IPv6. */
export const RSS_HASH_UDPV6: number = 1 << 7;
/** As RSS_HASH_UDPV6, with home addresses. */
export const RSS_HASH_UDPV6_EX: number = 1 << 8;
/** What Linux asks for: TCP and UDP over IPv4 and IPv6. */
export const RSS_HASH_TYPES_LINUX: number = RSS_HASH_TCPV4 | RSS_HASH_UDPV4 | RSS_HASH_TCPV6 | RSS_HASH_UDPV6;

/** The only hash there is. */
export const RSS_HASH_ALG_TOEPLITZ = 1;

/** A size and address of 0 leave that part as it is. The table's entries are BE32 queue ids. */
export const AQ_CONFIGURE_RSS: Layout<
  'hashTypes' | 'hashAlg' | 'hashKeySize' | 'hashLutSize' | 'hashKeyAddr' | 'hashLutAddr'
> = layout('adminq_configure_rss', 'big', 64, {
  hashTypes: [8, 'u16'],
  hashAlg: [10, 'u8'],
  hashKeySize: [12, 'u16'],
  hashLutSize: [14, 'u16'],
  hashKeyAddr: [16, 'u64'],
  hashLutAddr: [24, 'u64'],
});

/** The card writes a QUERY_RSS_DESCRIPTOR, the key and the table: 560 bytes. */
export const AQ_QUERY_RSS: Layout<'availableLength' | 'rssDescriptorAddr'> = layout('adminq_query_rss', 'big', 64, {
  availableLength: [8, 'u64'],
  rssDescriptorAddr: [16, 'u64'],
});

/** Head of the reply; key bytes and BE32 table entries follow. */
export const QUERY_RSS_DESCRIPTOR: Layout<'totalLength' | 'hashTypes' | 'hashAlg'> = layout(
  'query_rss_descriptor',
  'big',
  8,
  { totalLength: [0, 'u32'], hashTypes: [4, 'u16'], hashAlg: [6, 'u8'] },
);
