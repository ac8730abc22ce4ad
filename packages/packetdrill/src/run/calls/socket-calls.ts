import { AF_INET, AF_INET6, EALREADY, EINPROGRESS, SOCK_DGRAM, SOCK_NONBLOCK } from '@netmem/uapi';
import { addressOf, numberOf } from '../values.ts';
import { argumentAt, badArgument, immediate, mayWait, notOffered, numberAt, type Prepare, waiting } from './call.ts';

const TYPE_MASK = 0xf;

export const socket: Prepare = ({ sockets, descriptors, config }, event) => {
  const call = sockets.socket;
  if (call === undefined) return notOffered('socket');
  const domain = argumentAt(event, 0);
  const family = domain.kind === 'any' ? (config.ipVersion === 'ipv4' ? AF_INET : AF_INET6) : numberOf(domain);
  const type = numberAt(event, 1);
  const protocol = numberAt(event, 2);
  if (family === null || type === null || protocol === null) return 'socket takes a family, a type and a protocol';
  return immediate(
    () => call.call(sockets, family, type, protocol),
    (result) => {
      const fd = numberOf(event.result) ?? result;
      if (result < 0 || fd < 0) return null;
      const kind = (type & TYPE_MASK) === SOCK_DGRAM ? 'udp' : 'tcp';
      descriptors.open(fd, result, kind, (type & SOCK_NONBLOCK) !== 0);
      return null;
    },
  );
};

export const bind: Prepare = ({ sockets, descriptors, config, bound }, event) => {
  const call = sockets.bind;
  if (call === undefined) return notOffered('bind');
  const fd = numberAt(event, 0);
  const address = addressOf(argumentAt(event, 1), config, 'local');
  if (fd === null) return badArgument(event, 0, 'a descriptor');
  if (address === null) return badArgument(event, 1, 'an address');
  return immediate(
    () => call.call(sockets, descriptors.hostFd(fd), address),
    (result) => {
      if (result === 0) bound(descriptors.get(fd)?.protocol ?? 'tcp', address.port);
      return null;
    },
  );
};

export const listen: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.listen;
  if (call === undefined) return notOffered('listen');
  const fd = numberAt(event, 0);
  const backlog = numberAt(event, 1);
  if (fd === null || backlog === null) return 'listen takes a descriptor and a number';
  return immediate(() => call.call(sockets, descriptors.hostFd(fd), backlog));
};

export const accept: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.accept;
  if (call === undefined) return notOffered('accept');
  const fd = numberAt(event, 0);
  const flags = event.name === 'accept4' ? numberAt(event, 3) : 0;
  if (fd === null) return badArgument(event, 0, 'a descriptor');
  if (flags === null) return badArgument(event, 3, 'flags');
  const hostFd = descriptors.hostFd(fd);
  return waiting(
    mayWait(descriptors.get(fd), 0),
    () => call.call(sockets, hostFd, flags),
    (result) => {
      const accepted = numberOf(event.result) ?? result;
      if (result < 0 || accepted < 0) return null;
      descriptors.open(accepted, result, 'tcp', (flags & SOCK_NONBLOCK) !== 0);
      descriptors.test(accepted);
      return null;
    },
  );
};

export const connect: Prepare = ({ sockets, descriptors, config, flows }, event) => {
  const call = sockets.connect;
  if (call === undefined) return notOffered('connect');
  const fd = numberAt(event, 0);
  const address = addressOf(argumentAt(event, 1), config, 'remote');
  if (fd === null) return badArgument(event, 0, 'a descriptor');
  if (address === null) return badArgument(event, 1, 'an address');
  const descriptor = descriptors.get(fd);
  const hostFd = descriptors.hostFd(fd);
  const may = mayWait(descriptor, 0);
  return {
    attempt: () => {
      const result = call.call(sockets, hostFd, address);
      const local = result === 0 || result === -EINPROGRESS ? sockets.getsockname?.(hostFd) : null;
      if (descriptor !== undefined && local) flows.openDefault(descriptor.protocol, local.port, address.port);
      if (descriptor !== undefined) descriptors.test(fd);
      return result;
    },
    waits: (result) => may && (result === -EINPROGRESS || result === -EALREADY),
  };
};

export const shutdown: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.shutdown;
  if (call === undefined) return notOffered('shutdown');
  const fd = numberAt(event, 0);
  const how = numberAt(event, 1);
  if (fd === null || how === null) return 'shutdown takes a descriptor and SHUT_RD, SHUT_WR or SHUT_RDWR';
  return immediate(() => call.call(sockets, descriptors.hostFd(fd), how));
};

export const close: Prepare = ({ sockets, descriptors }, event) => {
  const call = sockets.close;
  if (call === undefined) return notOffered('close');
  const fd = numberAt(event, 0);
  if (fd === null) return badArgument(event, 0, 'a descriptor');
  return immediate(
    () => call.call(sockets, descriptors.hostFd(fd)),
    (result) => {
      if (result === 0) descriptors.close(fd);
      return null;
    },
  );
};
