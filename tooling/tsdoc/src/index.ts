export { type Comment, firstSentence, parseComment, type Tag } from './comment.ts';
export { type Export, exportsOf } from './exports.ts';
export { settle } from './generated.ts';
export { type Declaration, type Kind, type Scan, scan } from './scan.ts';
