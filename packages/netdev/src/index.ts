/**
 * net_device, NAPI, receive queues, sk_buff, GRO and the memory-provider slots of Linux.
 *
 * @packageDocumentation
 */
export {};
