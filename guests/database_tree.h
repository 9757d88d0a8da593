/* database_tree: an index, from 64-bit keys to 64-bit values, as a B+ tree (Comer: "The ubiquitous
 * B-tree", Computing Surveys 1979). A node is a page:
 *
 *      +-------+----------+-----------------------------------------+
 *      | count | is_leaf  | key value | key value | ...   up to 255 |
 *      +-------+----------+-----------------------------------------+
 *
 * In a leaf the value is the caller's. Above, it is the number of a child, and the key a bound: all
 * keys below that child are at least that (the first key of a node bounds nothing and is not read).
 * Keys ascend within a node. A full node is split on the way down, so that the one above it always
 * has room for the second half. Nodes are never joined again: a leaf may stand empty, waiting for
 * keys of its range, as in most databases that live.
 *
 * Part of database.c, which is one program in three files. */
#ifndef GUESTS_DATABASE_TREE_H
#define GUESTS_DATABASE_TREE_H

#include "runtime.h"

#define NODE_ENTRIES ((PAGE_BYTES - 16) / 16)
#define TREE_DEPTH   8 /* more than 64-bit keys can fill */

struct node {
    uint64_t count, is_leaf;
    struct {
        uint64_t key, value;
    } entries[NODE_ENTRIES];
};

_Static_assert(sizeof(struct node) == PAGE_BYTES, "a node fills a page");

static struct {
    struct node *nodes;
    uint64_t node_count, node_max;
    uint64_t root_idx;
    uint64_t key_count;
} tree;

/* Pages that suffice for so many different keys, whatever is set and deleted: a leaf comes into
 * being with half of its entries. */
static uint64_t tree_pages(uint64_t key_count)
{
    return key_count / (NODE_ENTRIES / 2 - 1) + TREE_DEPTH;
}

static struct node *new_node(bool is_leaf)
{
    struct node *node = &tree.nodes[tree.node_count++];
    if (tree.node_count > tree.node_max) {
        print("database: the index has more nodes than its keys can need\n");
        exit(1);
    }
    node->is_leaf = is_leaf;
    return node;
}

static void tree_init(void *pages, uint64_t page_count)
{
    tree.nodes = pages;
    tree.node_max = page_count;
    new_node(true);
}

static uint64_t number_of(const struct node *node)
{
    return (uint64_t)(node - tree.nodes);
}

/* How many keys of the node are at most `key`. */
static uint64_t rank_of(const struct node *node, uint64_t key)
{
    uint64_t first = 0, beyond = node->count;

    while (first < beyond) {
        uint64_t middle = (first + beyond) / 2;
        if (node->entries[middle].key <= key)
            first = middle + 1;
        else
            beyond = middle;
    }
    return first;
}

/* Which child holds the key, if any does. */
static uint64_t child_at(const struct node *node, uint64_t key)
{
    uint64_t rank = rank_of(node, key);
    return rank == 0 ? 0 : rank - 1;
}

static void insert_entry(struct node *node, uint64_t at, uint64_t key, uint64_t value)
{
    memmove(&node->entries[at + 1], &node->entries[at],
            (node->count - at) * sizeof node->entries[0]);
    node->entries[at].key = key;
    node->entries[at].value = value;
    node->count++;
}

/* Gives the upper half of a full child to a new one beside it. */
static void split_child(struct node *parent, uint64_t at)
{
    struct node *child = &tree.nodes[parent->entries[at].value];
    struct node *upper = new_node(child->is_leaf);
    uint64_t kept = child->count / 2;

    upper->count = child->count - kept;
    memcpy(upper->entries, &child->entries[kept], upper->count * sizeof upper->entries[0]);
    child->count = kept;
    insert_entry(parent, at + 1, upper->entries[0].key, number_of(upper));
}

static void grow_root(void)
{
    struct node *root = new_node(false);
    root->entries[0].value = tree.root_idx;
    root->count = 1;
    tree.root_idx = number_of(root);
    split_child(root, 0);
}

/* The leaf where the key stands, or would; NULL cannot be. */
static struct node *leaf_of(uint64_t key)
{
    struct node *node = &tree.nodes[tree.root_idx];
    while (!node->is_leaf)
        node = &tree.nodes[node->entries[child_at(node, key)].value];
    return node;
}

static bool tree_get(uint64_t key, uint64_t *value)
{
    struct node *leaf = leaf_of(key);
    uint64_t rank = rank_of(leaf, key);

    if (rank == 0 || leaf->entries[rank - 1].key != key)
        return false;
    *value = leaf->entries[rank - 1].value;
    return true;
}

static void tree_set(uint64_t key, uint64_t value)
{
    if (tree.nodes[tree.root_idx].count == NODE_ENTRIES)
        grow_root();
    struct node *node = &tree.nodes[tree.root_idx];
    while (!node->is_leaf) {
        uint64_t at = child_at(node, key);
        if (tree.nodes[node->entries[at].value].count == NODE_ENTRIES) {
            split_child(node, at);
            at = child_at(node, key);
        }
        node = &tree.nodes[node->entries[at].value];
    }
    uint64_t rank = rank_of(node, key);
    if (rank > 0 && node->entries[rank - 1].key == key) {
        node->entries[rank - 1].value = value;
        return;
    }
    insert_entry(node, rank, key, value);
    tree.key_count++;
}

static bool tree_delete(uint64_t key)
{
    struct node *leaf = leaf_of(key);
    uint64_t rank = rank_of(leaf, key);

    if (rank == 0 || leaf->entries[rank - 1].key != key)
        return false;
    memmove(&leaf->entries[rank - 1], &leaf->entries[rank],
            (leaf->count - rank) * sizeof leaf->entries[0]);
    leaf->count--;
    tree.key_count--;
    return true;
}

static uint64_t tree_depth(void)
{
    uint64_t depth = 1;
    for (const struct node *node = &tree.nodes[tree.root_idx]; !node->is_leaf; depth++)
        node = &tree.nodes[node->entries[0].value];
    return depth;
}

/* Walks all leaves in order and gives each entry to `visit`, until one says false. False as well
 * when the keys do not ascend, or a node cannot be one. */
static bool tree_walk(bool (*visit)(uint64_t key, uint64_t value))
{
    struct {
        const struct node *node;
        uint64_t at;
    } path[TREE_DEPTH];
    uint64_t depth = 0, last_key = 0, seen_count = 0;

    path[0].node = &tree.nodes[tree.root_idx];
    path[0].at = 0;
    for (;;) {
        const struct node *node = path[depth].node;
        uint64_t at = path[depth].at++;
        if (node->count > NODE_ENTRIES)
            return false;
        if (at == node->count) {
            if (depth-- == 0)
                return seen_count == tree.key_count;
        } else if (!node->is_leaf) {
            uint64_t child_idx = node->entries[at].value;
            if (++depth == TREE_DEPTH || child_idx >= tree.node_count)
                return false;
            path[depth].node = &tree.nodes[child_idx];
            path[depth].at = 0;
        } else {
            uint64_t key = node->entries[at].key;
            if ((seen_count++ > 0 && key <= last_key) || !visit(key, node->entries[at].value))
                return false;
            last_key = key;
        }
    }
}

#endif
