// Parses an AsyncAPI document as clients do. Prints the number of messages, or each fault.
import { readFileSync } from "node:fs";
import asyncapi from "@asyncapi/parser";

const { Parser } = asyncapi;
const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const faults = diagnostics.filter((one) => one.severity === 0);
for (const one of faults) console.error(one.path.join("/"), one.message);
if (!document || faults.length) process.exit(1);
console.log(document.allMessages().length, diagnostics.length);
