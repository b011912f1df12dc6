/* SPDX-License-Identifier: Apache-2.0 */
/* format: what an output of flow export says besides flow records, as options data.
 *
 *     kind       IPFIX: scope, fields                             NetFlow v9: scope, fields
 *     sampling   observationDomainId; selectorId,                 System; samplingInterval,
 *                selectorAlgorithm, samplingSize,                 samplingAlgorithm
 *                samplingPopulation, samplingInterval,
 *                samplingAlgorithm (RFC 5477 §8.2)
 *     interface  ingressInterface; interfaceName,                 Interface; the same, of 32 and
 *                interfaceDescription                             64 bytes, filled with zeros
 *     type       informationElementId, privateEnterpriseNumber;   none
 *                data type, semantics, name (RFC 5610 §3.9) */
#ifndef FT_FORMAT_FLOW_OPTIONS_H
#define FT_FORMAT_FLOW_OPTIONS_H

#include "format/flow_steps.h"
#include "model/flow_options.h"
#include "model/flow_templates.h"

struct ft__flow_says {
    uint32_t sampling; /* 1 in so many packets reaches flowtap; 0: not said */
    const struct ft_flow_interface *interfaces;
    uint32_t n_interfaces;
    const struct ft__flow_program *program; /* whose enterprise's elements are told of; or NULL */
};

/* Fills the options of an empty list, which is made. FT_E_NOMEM. */
FT_NODISCARD int ft__flow_options_make(struct ft_flow_template_list *l,
                                       const struct ft__flow_says *says);

#endif
