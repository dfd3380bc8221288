// Makes Payment Page URLs with the public npm package `ecommpay`.
//
// stdin: one JSON object a line, {origin, secret, fields}, fields by their names on the wire.
// stdout: one URL a line, in the same order.

'use strict';

const { readFileSync } = require('node:fs');
const { Payment } = require('ecommpay');

// The property that the package turns back into this name: paymentAmount for payment_amount.
const property = (name) =>
  name.replace(/([a-z])_([a-z])/g, (_, before, after) => before + after.toUpperCase());

const url = ({ origin, secret, fields }) => {
  const { project_id: projectId, ...others } = fields;
  const payment = new Payment(projectId, secret, {}, origin);
  for (const [name, value] of Object.entries(others)) {
    payment[property(name)] = value;
  }
  return payment.getUrl();
};

const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean);
process.stdout.write(lines.map((line) => `${url(JSON.parse(line))}\n`).join(''));
