/* A purge names numbers, and a server that lost its stream's end gives numbers out again: a purge
 * that waited in a connection for such a server would take what nobody has read. Purges travel on a
 * connection of their own, which ends with the server it was made to. */
#include "nats-bridge/bus_impl.h"

#include <string.h>

#define PURGER_NAME VC_SERVICE_NAME "-purge"

void vc_purge_close(struct vc_bus *bus)
{
    natsConnection_Destroy(bus->purger);
    bus->purger = NULL;
}

static void connect_purger(struct vc_bus *bus)
{
    char url[512];
    if (natsConnection_GetConnectedUrl(bus->nc, url, sizeof url) != NATS_OK)
        return;
    natsOptions *opts = vc_link_options(url, PURGER_NAME, VC_LINK_TIMEOUT_MS);
    if (opts && natsOptions_SetAllowReconnect(opts, false) == NATS_OK &&
        natsConnection_Connect(&bus->purger, opts) != NATS_OK)
        bus->purger = NULL;
    natsOptions_Destroy(opts);
}

/* The numbers that we know are those of `server_id`. */
static bool meets_our_server(const struct vc_bus *bus)
{
    char id[sizeof bus->server_id];
    return bus->purger && natsConnection_Status(bus->purger) == NATS_CONN_STATUS_CONNECTED &&
           natsConnection_GetConnectedServerId(bus->purger, id, sizeof id) == NATS_OK &&
           strcmp(id, bus->server_id) == 0;
}

void vc_purge(struct vc_bus *bus, struct vc_mailbox *mailbox)
{
    if (!bus->purger)
        connect_purger(bus);
    if (meets_our_server(bus))
        vc_streams_purge(bus->purger, mailbox);
    else
        vc_purge_close(bus);
}
